#include "tokenizer/files/tokenizer_file.h"

#include <limits>

#include "ropewalk/base/errors.h"
#include "tokenizer/files/json_fields.h"

namespace ropewalk::tokenization {
namespace {

constexpr size_t kMaxDepth = 64;
constexpr const char* kBadPiece = "an entry of model.vocab that is no [piece, score]";

// Json objects search their keys one by one, so a vocabulary in one would cost quadratic time.
class FileBuilder : public nlohmann::json_sax<Json> {
 public:
  explicit FileBuilder(TokenizerFile& file) : file_(file) {}
  const std::string& fault() const { return fault_; }

  bool null() override { return scalar(nullptr); }
  bool boolean(bool value) override { return scalar(value); }
  bool number_integer(number_integer_t value) override { return number(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return fail("a number beyond 64 bits");
    }
    return number(static_cast<int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t&) override {
    return section_ == Section::kPieces ? piece_score(value) : scalar(value);
  }
  bool binary(binary_t&) override { return fail("binary data"); }

  bool string(string_t& value) override {
    if (section_ == Section::kMerges) return merge_part(value);
    if (section_ == Section::kPieces) return piece_text(value);
    return scalar(std::move(value));
  }

  bool start_object(size_t) override {
    if (section_ != Section::kTree) return fail("an object within model.vocab or model.merges");
    if (levels_.size() == 1 && levels_.back().key == "model") in_model_ = true;
    if (levels_.size() == 2 && in_model_ && levels_.back().key == "vocab") {
      section_ = Section::kVocab;
      return true;
    }
    return open(Json::object());
  }

  bool start_array(size_t) override {
    if (section_ == Section::kVocab) return fail("an array as an id of model.vocab");
    if (section_ == Section::kPieces) return open_piece();
    if (section_ == Section::kMerges) {
      if (++merge_depth_ > 1) return fail("an array within a pair of model.merges");
      pair_.clear();
      return true;
    }
    if (levels_.size() == 2 && in_model_ && levels_.back().key == "merges") {
      section_ = Section::kMerges;
      return true;
    }
    if (levels_.size() == 2 && in_model_ && levels_.back().key == "vocab") {
      section_ = Section::kPieces;
      return true;
    }
    return open(Json::array());
  }

  bool key(string_t& name) override {
    if (section_ == Section::kVocab) {
      token_ = std::move(name);
    } else {
      levels_.back().key = std::move(name);
    }
    return true;
  }

  bool end_object() override {
    if (section_ == Section::kVocab) {
      section_ = Section::kTree;
      return true;
    }
    if (levels_.size() == 2) in_model_ = false;
    levels_.pop_back();
    return true;
  }

  bool end_array() override {
    if (section_ == Section::kMerges) {
      if (merge_depth_ == 0) {
        section_ = Section::kTree;
        return true;
      }
      --merge_depth_;
      if (pair_.size() != 2) return fail("an entry of model.merges that is no pair");
      file_.merges.emplace_back(std::move(pair_[0]), std::move(pair_[1]));
      return true;
    }
    if (section_ == Section::kPieces) return close_piece();
    levels_.pop_back();
    return true;
  }

  bool parse_error(size_t position,
                   const std::string&,
                   const nlohmann::detail::exception& error) override {
    return fail("not valid JSON near byte " + std::to_string(position) + " (" + error.what() + ")");
  }

 private:
  enum class Section { kTree, kVocab, kPieces, kMerges };
  struct Level {
    Json* value;
    std::string key;
  };

  bool fail(const std::string& text) {
    fault_ = text;
    return false;
  }

  bool number(int64_t value) {
    if (section_ == Section::kPieces) return piece_score(static_cast<double>(value));
    if (section_ != Section::kVocab) return scalar(value);
    file_.vocab.emplace_back(std::move(token_), value);
    return true;
  }

  bool scalar(Json value) {
    if (section_ == Section::kVocab) return fail("an id in model.vocab that is no whole number");
    if (section_ == Section::kMerges) return fail("an entry of model.merges that is no text");
    if (section_ == Section::kPieces) return fail(kBadPiece);
    add(std::move(value));
    return fault_.empty();
  }

  bool open_piece() {
    if (in_piece_) return fail(kBadPiece);
    in_piece_ = true;
    return true;
  }

  bool piece_text(string_t& value) {
    if (!in_piece_ || file_.vocab.size() > file_.scores.size()) return fail(kBadPiece);
    const auto id = static_cast<int64_t>(file_.vocab.size());
    file_.vocab.emplace_back(std::move(value), id);
    return true;
  }

  bool piece_score(double score) {
    if (!in_piece_ || file_.vocab.size() != file_.scores.size() + 1) return fail(kBadPiece);
    file_.scores.push_back(score);
    return true;
  }

  // The end of one piece, or of the list.
  bool close_piece() {
    if (!in_piece_) {
      section_ = Section::kTree;
      return true;
    }
    in_piece_ = false;
    ++num_pieces_;
    const bool whole = file_.vocab.size() == num_pieces_ && file_.scores.size() == num_pieces_;
    return whole || fail(kBadPiece);
  }

  bool merge_part(string_t& value) {
    if (merge_depth_ == 1) {
      pair_.push_back(std::move(value));
      return true;
    }
    const size_t space = value.find(' ');
    if (space == std::string::npos || value.find(' ', space + 1) != std::string::npos) {
      return fail("the merge '" + value + "' where two parts with one space between were expected");
    }
    file_.merges.emplace_back(value.substr(0, space), value.substr(space + 1));
    return true;
  }

  Json* add(Json value) {
    if (levels_.empty()) {
      file_.root = std::move(value);
      return &file_.root;
    }
    Json& parent = *levels_.back().value;
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    if (parent.contains(levels_.back().key)) {
      fail("the key '" + levels_.back().key + "' twice");
      return nullptr;
    }
    return &(parent[levels_.back().key] = std::move(value));
  }

  bool open(Json value) {
    if (levels_.size() >= kMaxDepth) return fail("nesting deeper than 64 levels");
    Json* added = add(std::move(value));
    if (added == nullptr) return false;
    levels_.push_back({added, ""});
    return true;
  }

  TokenizerFile& file_;
  std::vector<Level> levels_;
  Section section_ = Section::kTree;
  bool in_model_ = false;
  int merge_depth_ = 0;
  bool in_piece_ = false;
  size_t num_pieces_ = 0;
  std::string token_;
  std::vector<std::string> pair_;
  std::string fault_;
};

AddedToken parse_added_token(const Json& entry) {
  AddedToken token;
  const std::optional<int32_t> id = token_id(entry.at("id"));
  if (!id) throw DataError("id " + entry.at("id").dump() + "; expected 0 to 2^31-1");
  token.id = *id;
  token.content = entry.at("content").get<std::string>();
  token.single_word = entry.value("single_word", false);
  token.lstrip = entry.value("lstrip", false);
  token.rstrip = entry.value("rstrip", false);
  token.normalized = entry.value("normalized", false);
  token.special = entry.value("special", false);
  return token;
}

}  // namespace

TokenizerFile parse_tokenizer_file(std::string_view text, const std::string& source) {
  TokenizerFile file;
  // The parser takes a NUL byte for the end of its input, which would hide what follows.
  if (text.find('\0') != std::string_view::npos) {
    throw DataError(source +
                    ": found a NUL byte; expected a tokenizer.json as `tokenizers` writes "
                    "it");
  }
  FileBuilder builder(file);
  if (!Json::sax_parse(text, &builder) || !builder.fault().empty()) {
    throw DataError(source + ": found " + builder.fault() +
                    "; expected a tokenizer.json as `tokenizers` writes it");
  }
  if (!file.root.is_object() || !file.root.contains("model") || !file.root["model"].is_object()) {
    throw DataError(source +
                    ": no object `model`; expected a tokenizer.json as `tokenizers` writes it");
  }
  const Json added = file.root.value("added_tokens", Json::array());
  if (added.is_null()) return file;
  for (size_t i = 0; i < added.size(); ++i) {
    try {
      file.added_tokens.push_back(parse_added_token(added.at(i)));
    } catch (const std::exception& error) {
      throw DataError(source + ": added_tokens[" + std::to_string(i) + "]: " + error.what());
    }
  }
  return file;
}

}  // namespace ropewalk::tokenization

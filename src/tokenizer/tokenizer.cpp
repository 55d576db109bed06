#include "ropewalk/tokenizer/tokenizer.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/base/json.h"
#include "ropewalk/formats/text_reader.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/characters.h"
#include "tokenizer/decoder.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/template.h"
#include "tokenizer/word_model.h"

namespace ropewalk {

namespace tokenization {
namespace {

struct EncodeScratch {
  PreTokenizerScratch pre_tokenizer;
  ModelScratch model;
  NormalizerScratch normalizer;
};

// Scratch space (word cache, regex stack) outlives a call, since most texts are short.
class ScratchPool {
 public:
  std::unique_ptr<EncodeScratch> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<EncodeScratch>();
    auto scratch = std::move(free_.back());
    free_.pop_back();
    return scratch;
  }
  void give(std::unique_ptr<EncodeScratch> scratch) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(scratch));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<EncodeScratch>> free_;
};

void check_ids(const TokenizerFile& file, const WordModel& model, Diagnostics& diagnostics) {
  for (const AddedToken& token : file.added_tokens) {
    const auto id = model.find(token.content);
    if (id && *id != token.id) {
      diagnostics.error("added_tokens",
                        "'" + token.content + "' has the id " + std::to_string(token.id) +
                            " here and " + std::to_string(*id) + " in model.vocab");
    }
  }
}

std::vector<AddedToken> select(const TokenizerFile& file,
                               bool normalized,
                               const Normalizer& normalizer) {
  std::vector<AddedToken> tokens;
  NormalizerScratch scratch;
  for (const AddedToken& token : file.added_tokens) {
    if (token.normalized != normalized) continue;
    tokens.push_back(token);
    if (normalized) tokens.back().content = normalizer.apply({token.content}, scratch).text;
  }
  return tokens;
}

}  // namespace
}  // namespace tokenization

using namespace tokenization;

struct Tokenizer::Impl {
  Impl(const TokenizerFile& file, Diagnostics& diagnostics)
      : normalizer(member(file.root, "normalizer"), diagnostics),
        raw_tokens(select(file, false, normalizer)),
        normalized_tokens(select(file, true, normalizer)),
        pre_tokenizer(member(file.root, "pre_tokenizer"), diagnostics),
        model(read_model(file, pre_tokenizer.byte_level(), diagnostics)),
        decoder(file, diagnostics),
        text_template(read_post_processor(member(file.root, "post_processor"), diagnostics)) {
    check_ids(file, *model, diagnostics);
    for (const AddedToken& token : file.added_tokens) added_ids.emplace(token.content, token.id);
  }

  std::optional<int32_t> find(const std::string& token) const {
    const auto added = added_ids.find(token);
    return added != added_ids.end() ? std::optional(added->second) : model->find(token);
  }

  void read_config(const TokenizerConfig& config) {
    if (config.bos_token) bos_id = find(*config.bos_token);
    if (config.eos_token) eos_id = find(*config.eos_token);
    apply_switches(config, bos_id, eos_id, text_template);
  }

  Normalizer normalizer;
  AddedTokenMatcher raw_tokens;
  AddedTokenMatcher normalized_tokens;
  PreTokenizer pre_tokenizer;
  std::unique_ptr<WordModel> model;
  Decoder decoder;
  TextTemplate text_template;
  std::unordered_map<std::string, int32_t> added_ids;
  std::optional<int32_t> bos_id;
  std::optional<int32_t> eos_id;
  std::string hash;
  mutable ScratchPool pool;
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

std::shared_ptr<const Tokenizer> Tokenizer::load(const std::filesystem::path& folder_or_file) {
  namespace fs = std::filesystem;
  const bool is_folder = fs::is_directory(folder_or_file);
  const fs::path path = is_folder ? folder_or_file / "tokenizer.json" : folder_or_file;
  if (!fs::is_regular_file(path)) {
    throw DataError(path.string() + ": not found; expected a checkpoint folder that holds " +
                    "tokenizer.json, or that file");
  }
  const std::string text = read_file(path);
  const TokenizerFile file = parse_tokenizer_file(text, path.string());
  Diagnostics diagnostics;
  auto impl = std::make_unique<Impl>(file, diagnostics);
  diagnostics.throw_if_errors<DataError>(path.string());
  impl->hash = hash_text(text);
  const fs::path config_path = path.parent_path() / "tokenizer_config.json";
  if (fs::is_regular_file(config_path)) {
    const TokenizerConfig config = read_tokenizer_config(read_json_file(config_path), diagnostics);
    diagnostics.throw_if_errors<DataError>(config_path.string());
    impl->read_config(config);
  }
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(impl)));
}

void Tokenizer::encode_append(std::string_view text, std::vector<int32_t>& ids) const {
  if (const size_t bad = first_invalid_utf8(text); bad != text.size()) {
    throw DataError("text to tokenize: byte " + std::to_string(bad) +
                    " is not valid UTF-8; convert the text to UTF-8");
  }
  const Impl& impl = *impl_;
  std::unique_ptr<EncodeScratch> scratch = impl.pool.take();
  const auto add_word = [&](std::string_view word) {
    impl.model->encode_word(word, scratch->model, ids);
  };
  impl.raw_tokens.split(text, [&](const AddedTokenMatcher::Segment& raw) {
    if (raw.id) return ids.push_back(*raw.id);
    const bool first = raw.text.data() == text.data();
    const size_t at_start = first ? first_code_point(raw.text).size : 0;
    const TextPiece normalized = impl.normalizer.apply({raw.text, at_start}, scratch->normalizer);
    impl.normalized_tokens.split(normalized.text, [&](const AddedTokenMatcher::Segment& segment) {
      if (segment.id) return ids.push_back(*segment.id);
      const size_t begin = segment.text.data() - normalized.text.data();
      const TextPiece piece = normalized.part(begin, begin + segment.text.size());
      impl.pre_tokenizer.split(piece, scratch->pre_tokenizer, add_word);
    });
  });
  impl.pool.give(std::move(scratch));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool add_special) const {
  std::vector<int32_t> ids;
  if (add_special) ids = impl_->text_template.before;
  encode_append(text, ids);
  if (add_special) {
    ids.insert(ids.end(), impl_->text_template.after.begin(), impl_->text_template.after.end());
  }
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  return impl_->decoder.decode(ids, skip_special);
}

int64_t Tokenizer::vocab_size() const { return impl_->decoder.num_ids(); }
std::optional<int32_t> Tokenizer::bos_id() const { return impl_->bos_id; }
std::optional<int32_t> Tokenizer::eos_id() const { return impl_->eos_id; }

std::optional<int32_t> Tokenizer::token_id(std::string_view token) const {
  return impl_->find(std::string(token));
}

bool Tokenizer::add_bos() const {
  const std::vector<int32_t>& before = impl_->text_template.before;
  return impl_->bos_id && std::find(before.begin(), before.end(), *impl_->bos_id) != before.end();
}

const std::string& Tokenizer::hash() const { return impl_->hash; }

}  // namespace ropewalk

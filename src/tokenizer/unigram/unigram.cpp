#include "tokenizer/unigram/unigram.h"

#include <algorithm>
#include <limits>

#include "ropewalk/base/errors.h"
#include "tokenizer/bpe/byte_alphabet.h"
#include "tokenizer/files/json_fields.h"
#include "tokenizer/unicode/characters.h"

namespace ropewalk::tokenization {
namespace {

// How much less than the worst piece an unknown character scores (sentencepiece, `tokenizers`).
constexpr double kUnknownPenalty = 10.0;

}  // namespace

Unigram::Unigram(const TokenizerFile& file, bool byte_level, Diagnostics& diagnostics)
    : byte_level_(byte_level) {
  const Json& model = file.root["model"];
  refuse_other_members(model, {"type", "vocab", "unk_id", "byte_fallback"}, diagnostics);
  scores_ = file.scores;
  if (scores_.empty() || scores_.size() != file.vocab.size()) {
    diagnostics.error("model.vocab", "empty or no list; expected a list of [piece, score]");
    return;
  }
  std::vector<std::string_view> pieces;
  pieces.reserve(file.vocab.size());
  for (const auto& [piece, id] : file.vocab) pieces.push_back(piece);
  trie_.build(pieces);
  unknown_score_ = *std::min_element(scores_.begin(), scores_.end()) - kUnknownPenalty;
  if (flag(model, "byte_fallback", false)) byte_tokens_.emplace(*this);
  read_unknown(model, diagnostics);
}

void Unigram::read_unknown(const Json& model, Diagnostics& diagnostics) {
  const Json& unknown = member(model, "unk_id");
  if (unknown.is_null()) return;
  const int64_t id = unknown.is_number_integer() ? unknown.get<int64_t>() : -1;
  if (id < 0 || id >= static_cast<int64_t>(scores_.size())) {
    diagnostics.error("model.unk_id",
                      "found " + unknown.dump() + "; expected an id below the " +
                          std::to_string(scores_.size()) + " of model.vocab, or null");
    return;
  }
  unknown_id_ = static_cast<int32_t>(id);
}

std::optional<int32_t> Unigram::find(const std::string& token) const {
  const int32_t id = trie_.find(token);
  return id < 0 ? std::nullopt : std::optional(id);
}

void Unigram::encode_word(std::string_view word,
                          ModelScratch& scratch,
                          std::vector<int32_t>& ids) const {
  scratch.cache.append(word, ids, [&] {
    if (!byte_level_) return encode(word, scratch, ids);
    scratch.symbols.clear();
    for (const char c : word) scratch.symbols += symbol_of_byte(static_cast<uint8_t>(c));
    encode(scratch.symbols, scratch, ids);
  });
}

// Sums run from the left, and an equal score does not displace an earlier one: both as in
// `tokenizers`, so that rounding and ties come out alike.
void Unigram::find_paths(std::string_view text, std::vector<PathEnd>& ends) const {
  ends.assign(text.size() + 1, {0.0, -1, -1});
  const auto offer = [&](size_t begin, size_t end, double score, int32_t id) {
    PathEnd& path = ends[end];
    if (path.begin >= 0 && score <= path.score) return;
    path = {score, static_cast<int32_t>(begin), id};
  };
  for (size_t at = 0; at < text.size();) {
    const double before = ends[at].score;
    const size_t size = first_code_point(text.substr(at)).size;
    bool single = false;
    trie_.prefixes(text.substr(at), [&](size_t length, int32_t id) {
      offer(at, at + length, scores_[id] + before, id);
      single = single || length == size;
    });
    if (!single) {
      if (!unknown_id_) {
        throw DataError("the text holds '" + std::string(text.substr(at, size)) +
                        "', which is not in model.vocab of the tokenizer, and model.unk_id is "
                        "null; take it out of the text");
      }
      offer(at, at + size, unknown_score_ + before, *unknown_id_);
    }
    at += size;
  }
}

// Unknown characters in a row are one; it may be a piece after all.
void Unigram::append_unknown(std::string_view text, std::vector<int32_t>& ids) const {
  const int32_t id = trie_.find(text);
  if (id >= 0) {
    ids.push_back(id);
  } else if (!byte_tokens_ || !byte_tokens_->append(text, ids)) {
    ids.push_back(*unknown_id_);
  }
}

void Unigram::encode(std::string_view text,
                     ModelScratch& scratch,
                     std::vector<int32_t>& ids) const {
  if (text.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    throw DataError("a text has a word of " + std::to_string(text.size()) +
                    " bytes; expected fewer than 2^31; cut the text");
  }
  std::vector<PathEnd>& ends = scratch.path_ends;
  find_paths(text, ends);
  // The best path, walked from its end; then forwards.
  std::vector<int32_t>& cuts = scratch.word;
  cuts.clear();
  for (auto at = static_cast<int32_t>(text.size()); at > 0; at = ends[at].begin) cuts.push_back(at);
  size_t unknown_from = 0;
  bool in_unknown = false;
  for (size_t i = cuts.size(); i-- > 0;) {
    const PathEnd& piece = ends[cuts[i]];
    const bool unknown = unknown_id_ && piece.id == *unknown_id_;
    if (unknown && !in_unknown) unknown_from = piece.begin;
    if (!unknown && in_unknown) {
      append_unknown(text.substr(unknown_from, piece.begin - unknown_from), ids);
    }
    in_unknown = unknown;
    if (!unknown) ids.push_back(piece.id);
  }
  if (in_unknown) append_unknown(text.substr(unknown_from), ids);
}

}  // namespace ropewalk::tokenization

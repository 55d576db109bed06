// Reading a Bpe out of tokenizer.json's `model`.
#include <limits>

#include "tokenizer/bpe/bpe.h"
#include "tokenizer/bpe/byte_alphabet.h"
#include "tokenizer/files/json_fields.h"
#include "tokenizer/unicode/characters.h"

namespace ropewalk::tokenization {
namespace {

constexpr size_t kMaxListed = 5;

// The one character of a token, or nothing.
std::optional<int32_t> single_character(const std::string& token) {
  if (token.empty()) return std::nullopt;
  const CodePoint first = first_code_point(token);
  return first.size == token.size() ? std::optional(first.value) : std::nullopt;
}

using Merges = std::vector<std::pair<std::string, std::string>>;

// The merges that are given by ids.
Merges written_out(const TokenizerFile& file) {
  Merges merges;
  if (file.id_merges.empty()) return merges;
  std::unordered_map<int64_t, const std::string*> by_id;
  for (const auto& [token, id] : file.vocab) by_id.emplace(id, &token);
  for (const IdMerge& merge : file.id_merges) {
    merges.emplace_back(*by_id.at(merge.left), *by_id.at(merge.right));
  }
  return merges;
}

}  // namespace

Bpe::Bpe(const TokenizerFile& file, bool byte_level, Diagnostics& diagnostics)
    : byte_level_(byte_level) {
  byte_ids_.fill(-1);
  const Json& model = file.root["model"];
  refuse_other_members(
      model,
      {"type", "vocab", "merges", "unk_token", "fuse_unk", "byte_fallback", "ignore_merges"},
      diagnostics);
  read_vocab(file, diagnostics);
  read_options(model, diagnostics);
  read_symbols();
  read_merges(file, diagnostics);
  if (!byte_level_) find_seams(file);
}

void Bpe::read_vocab(const TokenizerFile& file, Diagnostics& diagnostics) {
  if (!file.scores.empty()) {
    diagnostics.error("model.vocab", "found a list; expected an object of tokens and ids");
    return;
  }
  if (file.vocab.empty()) diagnostics.error("model.vocab", "empty or missing");
  vocab_.reserve(file.vocab.size());
  std::unordered_map<int64_t, const std::string*> by_id;
  by_id.reserve(file.vocab.size());
  for (const auto& [token, id] : file.vocab) {
    if (id < 0 || id > std::numeric_limits<int32_t>::max()) {
      diagnostics.error("model.vocab",
                        "the id " + std::to_string(id) + " of '" + token +
                            "' is out of range; expected 0 to 2^31-1");
      continue;
    }
    if (!vocab_.emplace(token, static_cast<int32_t>(id)).second) {
      diagnostics.error("model.vocab", "the token '" + token + "' twice");
    }
    const auto [other, fresh] = by_id.emplace(id, &token);
    if (!fresh) {
      diagnostics.error("model.vocab",
                        "the id " + std::to_string(id) + " twice, for '" + *other->second +
                            "' and '" + token + "'");
    }
  }
}

void Bpe::read_options(const Json& model, Diagnostics& diagnostics) {
  fuse_unknown_ = flag(model, "fuse_unk", false);
  ignore_merges_ = flag(model, "ignore_merges", false);
  if (flag(model, "byte_fallback", false)) byte_tokens_.emplace(*this);
  const Json& unknown = member(model, "unk_token");
  if (!unknown.is_null() && unknown != "") {
    if (unknown.is_string()) unknown_id_ = find(unknown.get<std::string>());
    if (!unknown_id_) {
      diagnostics.error("model.unk_token",
                        "found " + unknown.dump() + ", which is not in model.vocab");
    }
  }
  if (!ignore_merges_) return;
  for (const auto& [token, id] : vocab_) {
    const auto word = byte_level_ ? bytes_of_symbols(token) : std::optional(token);
    if (!word) continue;
    whole_words_[*word] = id;
    longest_whole_word_ = std::max(longest_whole_word_, word->size());
  }
}

void Bpe::read_symbols() {
  for (int byte = 0; byte < 256; ++byte) {
    const auto id = find(std::string(symbol_of_byte(static_cast<uint8_t>(byte))));
    if (id) byte_ids_[byte] = *id;
  }
  for (const auto& [token, id] : vocab_) {
    if (const auto character = single_character(token)) character_ids_.insert(*character, id);
  }
}

// A token is the text it stands for, but for the unknown one and those of bytes: where a merge
// takes one of these, its letters say nothing about the characters at its ends.
void Bpe::find_seams(const TokenizerFile& file) {
  const auto stands_for_itself = [&](const std::string& token) {
    const auto id = find(token);
    return id && id != unknown_id_ && !(byte_tokens_ && byte_tokens_->contains(*id));
  };
  const Merges written = written_out(file);
  const Merges& merges = file.id_merges.empty() ? file.merges : written;
  for (const auto& [left, right] : merges) {
    if (!stands_for_itself(left) || !stands_for_itself(right)) return;
  }
  seams_.emplace().build(merges);
  const bool always_bytes = byte_tokens_ && byte_tokens_->complete();
  unknown_ones_depend_ = !always_bytes && (fuse_unknown_ || byte_tokens_ || !unknown_id_);
}

void Bpe::read_merges(const TokenizerFile& file, Diagnostics& diagnostics) {
  merges_.reserve(file.merges.size() + file.id_merges.size());
  for (const IdMerge& merge : file.id_merges) {
    merges_.insert(merge.left, merge.right, {merge.rank, merge.id});
  }
  size_t num_bad = 0;
  for (size_t rank = 0; rank < file.merges.size(); ++rank) {
    const auto& [left, right] = file.merges[rank];
    const auto left_id = find(left), right_id = find(right), id = find(left + right);
    if (left_id && right_id && id) {
      merges_.insert(*left_id, *right_id, {static_cast<uint32_t>(rank), *id});
    } else if (++num_bad <= kMaxListed) {
      const std::string missing = !left_id ? left : !right_id ? right : left + right;
      diagnostics.error(
          "model.merges[" + std::to_string(rank) + "]",
          "'" + left + "' + '" + right + "': '" + missing + "' is not in model.vocab");
    }
  }
  if (num_bad > kMaxListed) {
    diagnostics.error("model.merges", std::to_string(num_bad - kMaxListed) + " more such merges");
  }
}

}  // namespace ropewalk::tokenization

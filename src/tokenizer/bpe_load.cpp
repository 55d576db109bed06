// Reading a Bpe out of tokenizer.json's `model`.
#include <limits>
#include <set>

#include "ropewalk/base/text.h"
#include "tokenizer/bpe.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/json_fields.h"

namespace ropewalk::tokenization {
namespace {

constexpr size_t kMaxListed = 5;

// Names what is in force; an empty affix (old GPT-2 files) changes nothing.
bool in_force(const Json& model, const char* key) {
  const Json& value = member(model, key);
  if (value.is_string()) return !value.get_ref<const std::string&>().empty();
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>() != 0.0;
  return !value.is_null();
}

void refuse_unknown_keys(const Json& model, Diagnostics& diagnostics) {
  static const std::set<std::string> known = {
      "type", "vocab", "merges", "unk_token", "fuse_unk", "byte_fallback", "ignore_merges"};
  for (const auto& [key, value] : model.items()) {
    if (known.contains(key) || !in_force(model, key.c_str())) continue;
    diagnostics.error("model." + key,
                      "found " + value.dump() +
                          ", which is not supported with byte-level BPE; expected "
                          "null; use a tokenizer without it");
  }
}

}  // namespace

Bpe::Bpe(const TokenizerFile& file, Diagnostics& diagnostics) {
  byte_ids_.fill(-1);
  const Json& model = file.root["model"];
  // Files of the first versions name no type.
  if (model.contains("type") && type_of(model) != "BPE") {
    diagnostics.error(
        "model.type",
        "found " + model["type"].dump() + "; expected \"BPE\", the one kind supported");
    return;
  }
  refuse_unknown_keys(model, diagnostics);
  read_vocab(file, diagnostics);
  read_options(model, diagnostics);
  read_bytes(model, diagnostics);
  read_merges(file, diagnostics);
}

void Bpe::read_vocab(const TokenizerFile& file, Diagnostics& diagnostics) {
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
  if (in_force(model, "unk_token")) {
    if (model["unk_token"].is_string()) unknown_id_ = find(model["unk_token"].get<std::string>());
    if (!unknown_id_) {
      diagnostics.error("model.unk_token",
                        "found " + model["unk_token"].dump() + ", which is not in model.vocab");
    }
  }
  if (!ignore_merges_) return;
  for (const auto& [token, id] : vocab_) {
    if (std::optional<std::string> bytes = bytes_of_symbols(token)) whole_words_[*bytes] = id;
  }
}

void Bpe::read_bytes(const Json& model, Diagnostics& diagnostics) {
  size_t num_missing = 0;
  for (int byte = 0; byte < 256; ++byte) {
    const auto id = find(std::string(symbol_of_byte(static_cast<uint8_t>(byte))));
    if (id) byte_ids_[byte] = *id;
    num_missing += !id;
  }
  // With all 256 symbols nothing ever falls back.
  if (flag(model, "byte_fallback", false) && num_missing > 0) {
    diagnostics.error("model.byte_fallback",
                      "found true with " + std::to_string(num_missing) +
                          " byte symbols missing from model.vocab; expected false, or a vocabulary "
                          "with all 256");
  }
}

void Bpe::read_merges(const TokenizerFile& file, Diagnostics& diagnostics) {
  merges_.reserve(file.merges.size());
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

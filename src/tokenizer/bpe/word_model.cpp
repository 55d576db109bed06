#include "tokenizer/bpe/word_model.h"

#include <algorithm>

#include "tokenizer/bpe/bpe.h"
#include "tokenizer/files/json_fields.h"
#include "tokenizer/unigram/unigram.h"

namespace ropewalk::tokenization {
namespace {

// An empty affix (old GPT-2 files) changes nothing, nor does a dropout of 0.
bool in_force(const Json& value) {
  if (value.is_string()) return !value.get_ref<const std::string&>().empty();
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>() != 0.0;
  return !value.is_null();
}

}  // namespace

std::unique_ptr<WordModel> read_model(const TokenizerFile& file,
                                      bool byte_level,
                                      Diagnostics& diagnostics) {
  const Json& model = file.root["model"];
  // Files of the first versions name no type.
  if (model.contains("type") && type_of(model) == "Unigram") {
    return std::make_unique<Unigram>(file, byte_level, diagnostics);
  }
  if (model.contains("type") && type_of(model) != "BPE") {
    diagnostics.error("model.type",
                      "found " + model["type"].dump() + R"(; expected "BPE" or "Unigram")");
  }
  return std::make_unique<Bpe>(file, byte_level, diagnostics);
}

void refuse_other_members(const Json& model,
                          std::initializer_list<std::string_view> known,
                          Diagnostics& diagnostics) {
  for (const auto& [key, value] : model.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end() || !in_force(value)) continue;
    diagnostics.error("model." + key,
                      "found " + value.dump() +
                          ", which is not supported; expected null; use a tokenizer without it");
  }
}

ByteTokens::ByteTokens(const WordModel& model) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  complete_ = true;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string token = {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
    ids_[byte] = model.find(token).value_or(-1);
    complete_ = complete_ && ids_[byte] >= 0;
  }
}

bool ByteTokens::append(std::string_view text, std::vector<int32_t>& ids) const {
  const size_t before = ids.size();
  for (const char c : text) {
    const int32_t id = ids_[static_cast<uint8_t>(c)];
    if (id < 0) {
      ids.resize(before);
      return false;
    }
    ids.push_back(id);
  }
  return true;
}

bool ByteTokens::contains(int32_t id) const {
  return std::find(ids_.begin(), ids_.end(), id) != ids_.end();
}

}  // namespace ropewalk::tokenization

// Small tokenizer.json files made in the test: all byte symbols, then the merges given.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ropewalk/base/json.h"
#include "tokenizer/bpe/byte_alphabet.h"

namespace ropewalk {

// Ids 0..255 are the bytes, then one per merge, then "<s>" and "</s>" as special tokens.
inline Json tokenizer_json(const std::vector<std::pair<std::string, std::string>>& merges) {
  Json vocab = Json::object();
  for (int byte = 0; byte < 256; ++byte) {
    vocab[std::string(tokenization::symbol_of_byte(static_cast<uint8_t>(byte)))] = byte;
  }
  Json pairs = Json::array();
  for (const auto& [left, right] : merges) {
    vocab[left + right] = vocab.size();
    pairs.push_back({left, right});
  }
  const size_t next = vocab.size();
  const auto special = [](size_t id, const char* content) {
    return Json{{"id", id}, {"content", content}, {"special", true}, {"normalized", false}};
  };
  return {
      {"added_tokens", {special(next, "<s>"), special(next + 1, "</s>")}},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
      {"post_processor", nullptr},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", pairs}}}};
}

}  // namespace ropewalk

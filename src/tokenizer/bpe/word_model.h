// The `model` of tokenizer.json: turns one word into ids.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "tokenizer/bpe/bpe_merges.h"
#include "tokenizer/bpe/word_cache.h"
#include "tokenizer/files/tokenizer_file.h"

namespace ropewalk::tokenization {

// What models write into; one per thread.
struct ModelScratch {
  struct PathEnd {
    double score;
    int32_t begin;  // of the last piece; -1: no path ends here
    int32_t id;
  };
  WordCache cache;
  std::vector<int32_t> word;
  MergeScratch merge;
  std::vector<PathEnd> path_ends;
  std::string symbols;
};

class WordModel {
 public:
  virtual ~WordModel() = default;

  // Appends the ids of a word of checked UTF-8. Throws DataError for one that has none.
  virtual void encode_word(std::string_view word,
                           ModelScratch& scratch,
                           std::vector<int32_t>& ids) const = 0;
  // The id of a token as the file writes it.
  virtual std::optional<int32_t> find(const std::string& token) const = 0;
};

// With `byte_level` the words are bytes, which the vocabulary writes in the byte alphabet. Faults
// go to `diagnostics`; the model is usable (and never null) only when there are none.
std::unique_ptr<WordModel> read_model(const TokenizerFile& file,
                                      bool byte_level,
                                      Diagnostics& diagnostics);

// Reports every member of `model` that is in force and not among `known`, with what was found.
void refuse_other_members(const Json& model,
                          std::initializer_list<std::string_view> known,
                          Diagnostics& diagnostics);

// The ids of "<0x00>" to "<0xFF>"; -1 where there is none.
class ByteTokens {
 public:
  ByteTokens() = default;
  explicit ByteTokens(const WordModel& model);
  // Appends the ids of a text's bytes, or none at all where one is missing.
  bool append(std::string_view text, std::vector<int32_t>& ids) const;
  bool complete() const { return complete_; }
  bool contains(int32_t id) const;

 private:
  std::array<int32_t, 256> ids_;
  bool complete_ = false;
};

}  // namespace ropewalk::tokenization

// Unigram language model (Kudo 2018): of all ways to write a word as pieces, the one whose scores
// add up to most.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "tokenizer/bpe/word_model.h"
#include "tokenizer/unigram/piece_trie.h"

namespace ropewalk::tokenization {

class Unigram : public WordModel {
 public:
  Unigram(const TokenizerFile& file, bool byte_level, Diagnostics& diagnostics);

  void encode_word(std::string_view word,
                   ModelScratch& scratch,
                   std::vector<int32_t>& ids) const override;
  std::optional<int32_t> find(const std::string& token) const override;

 private:
  using PathEnd = ModelScratch::PathEnd;

  void read_unknown(const Json& model, Diagnostics& diagnostics);
  void encode(std::string_view text, ModelScratch& scratch, std::vector<int32_t>& ids) const;
  // Fills in the best path to every place of the text where a character begins.
  void find_paths(std::string_view text, std::vector<PathEnd>& ends) const;
  void append_unknown(std::string_view text, std::vector<int32_t>& ids) const;

  bool byte_level_;
  PieceTrie trie_;
  std::vector<double> scores_;  // by id
  double unknown_score_ = 0;    // of a character that is no piece
  std::optional<int32_t> unknown_id_;
  std::optional<ByteTokens> byte_tokens_;  // byte_fallback only
};

}  // namespace ropewalk::tokenization

// Byte-pair encoding over the bytes of a word, or over its characters.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "tokenizer/bpe/bpe_merges.h"
#include "tokenizer/bpe/merge_seams.h"
#include "tokenizer/bpe/word_model.h"
#include "tokenizer/unicode/character_table.h"

namespace ropewalk::tokenization {

class Bpe : public WordModel {
 public:
  Bpe(const TokenizerFile& file, bool byte_level, Diagnostics& diagnostics);

  void encode_word(std::string_view word,
                   ModelScratch& scratch,
                   std::vector<int32_t>& ids) const override;
  std::optional<int32_t> find(const std::string& token) const override;

 private:
  void read_vocab(const TokenizerFile& file, Diagnostics& diagnostics);
  void read_options(const Json& model, Diagnostics& diagnostics);
  void read_merges(const TokenizerFile& file, Diagnostics& diagnostics);
  void read_symbols();
  void find_seams(const TokenizerFile& file);

  bool append_whole(std::string_view word, std::vector<int32_t>& ids) const;
  void encode_characters(std::string_view word,
                         ModelScratch& scratch,
                         std::vector<int32_t>& ids) const;
  void encode_part(std::string_view part, ModelScratch& scratch, std::vector<int32_t>& ids) const;
  void start_bytes(std::string_view bytes, std::vector<int32_t>& word) const;
  void start_characters(std::string_view text, std::vector<int32_t>& word) const;
  // Adds the symbols of one byte or character that the vocabulary lacks. `pending`: an unknown one
  // is yet to be added.
  void add_unknown(std::string_view written, bool& pending, std::vector<int32_t>& word) const;
  bool known(int32_t code_point) const { return character_ids_.find(code_point) >= 0; }

  bool byte_level_;
  std::unordered_map<std::string, int32_t> vocab_;        // as the file writes tokens
  std::unordered_map<std::string, int32_t> whole_words_;  // as words have them; ignore_merges only
  size_t longest_whole_word_ = 0;
  std::array<int32_t, 256> byte_ids_;  // -1: the vocabulary lacks it
  CharacterTable character_ids_;
  std::optional<int32_t> unknown_id_;
  std::optional<ByteTokens> byte_tokens_;  // byte_fallback only
  bool fuse_unknown_ = false;
  bool ignore_merges_ = false;
  MergeTable merges_;
  std::optional<MergeSeams> seams_;  // nothing: words stay whole
  // Whether what becomes of an unknown character depends on those beside it (it is fused, held back
  // or dropped): no seam lies at either side of it.
  bool unknown_ones_depend_ = false;
};

}  // namespace ropewalk::tokenization

// SentencePiece's byte-pair encoding by our merges, which take linear time where libsentencepiece's
// grow faster: bpe_model.cc of google/sentencepiece for the rules. Of two adjacent pieces the pair
// goes first whose joined text is the piece of the best score, the leftmost among equals.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/bpe/bpe.h"
#include "tokenizer/bpe/id_merges.h"
#include "tokenizer/files/sentence_piece_model.h"
#include "tokenizer/pipeline/added_tokens.h"
#include "tokenizer/scratch_pool.h"

namespace ropewalk::tokenization {

// Several threads may use one at once.
class PieceBpe {
 public:
  // Null where the model asks for something else: another kind of model, characters mapped or white
  // space removed before, pieces that are cut again (unused ones), pieces of characters that are
  // none themselves.
  static std::unique_ptr<PieceBpe> make(const SentencePieceModel& model);

  // Appends the ids of a text of valid UTF-8, which are libsentencepiece's.
  void encode_append(std::string_view text, std::vector<int32_t>& ids) const;

 private:
  struct Scratch {
    std::string text;
    ModelScratch model;
  };

  PieceBpe(const SentencePieceModel& model, const TokenIds& ids, Diagnostics& diagnostics);

  bool add_dummy_prefix_;
  AddedTokenMatcher user_defined_;
  Bpe bpe_;
  mutable ScratchPool<Scratch> pool_;
};

}  // namespace ropewalk::tokenization

// The contents of a SentencePiece `.model` file: a serialized ModelProto of
// sentencepiece_model.proto (google/sentencepiece, src/), as far as encoding depends on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ropewalk::tokenization {

struct SentencePieceModel {
  enum class Kind { kUnigram = 1, kBpe = 2, kWord = 3, kChar = 4 };
  enum class PieceKind {
    kNormal = 1,
    kUnknown = 2,
    kControl = 3,
    kUserDefined = 4,
    kUnused = 5,
    kByte = 6
  };
  struct Piece {
    std::string text;
    float score = 0;
    PieceKind kind = PieceKind::kNormal;
  };

  std::vector<Piece> pieces;  // by id
  // Of the trainer's settings.
  Kind kind = Kind::kUnigram;
  bool byte_fallback = false;
  bool whitespace_as_suffix = false;
  // Of the normalizer's.
  bool has_character_map = false;
  // Of the normalizer's and the denormalizer's: whether reading them stays inside them.
  bool sound_character_maps = true;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

// Nothing where the bytes are no such message or lack pieces or one of the two settings, as a file
// cut between two pieces does.
std::optional<SentencePieceModel> parse_sentence_piece_model(std::string_view bytes);

}  // namespace ropewalk::tokenization

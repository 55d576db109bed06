#include "tokenizer/files/sentence_piece_model.h"

#include <cstring>

#include "tokenizer/files/character_map.h"

namespace ropewalk::tokenization {
namespace {

// Numbers of the messages' fields.
namespace model_field {
constexpr uint64_t kPiece = 1, kTrainer = 2, kNormalizer = 3, kDenormalizer = 5;
}
namespace piece_field {
constexpr uint64_t kText = 1, kScore = 2, kKind = 3;
}
namespace trainer_field {
constexpr uint64_t kKind = 3, kWhitespaceAsSuffix = 24, kByteFallback = 35;
}
namespace normalizer_field {
constexpr uint64_t kCharacterMap = 2, kAddDummyPrefix = 3, kRemoveExtraWhitespaces = 4,
                   kEscapeWhitespaces = 5;
}

// The fields of a serialized protocol buffer, one after another (protobuf's "Encoding" guide).
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  // False at the end, and where the bytes are no field.
  bool next() {
    enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kDelimited = 2, kFixed32 = 5 };
    uint64_t tag = 0, size = 0;
    if (rest_.empty() || !read_varint(tag)) return false;
    number_ = tag >> 3;
    value_ = 0;
    bytes_ = {};
    switch (tag & 7) {
      case kVarint:
        return read_varint(value_);
      case kFixed64:
        return take(8);
      case kFixed32:
        return take(4);
      case kDelimited:
        return read_varint(size) && take(size);
      default:
        return fail();
    }
  }
  // Whether all bytes were fields, once next() has returned false.
  bool complete() const { return rest_.empty() && !failed_; }

  uint64_t number() const { return number_; }
  uint64_t value() const { return value_; }          // of a varint, else 0
  std::string_view bytes() const { return bytes_; }  // of another field
  float number32() const {
    float value = 0;
    if (bytes_.size() == sizeof value) std::memcpy(&value, bytes_.data(), sizeof value);
    return value;
  }

 private:
  bool fail() {
    failed_ = true;
    return false;
  }
  bool take(uint64_t size) {
    if (size > rest_.size()) return fail();
    bytes_ = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool read_varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return fail();
  }

  std::string_view rest_;
  uint64_t number_ = 0;
  uint64_t value_ = 0;
  std::string_view bytes_;
  bool failed_ = false;
};

bool read_piece(std::string_view bytes, SentencePieceModel::Piece& piece) {
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.number() == piece_field::kText) piece.text = fields.bytes();
    if (fields.number() == piece_field::kScore) piece.score = fields.number32();
    if (fields.number() == piece_field::kKind) {
      piece.kind = static_cast<SentencePieceModel::PieceKind>(fields.value());
    }
  }
  return fields.complete();
}

bool read_trainer(std::string_view bytes, SentencePieceModel& model) {
  using namespace trainer_field;
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.number() == kKind) {
      model.kind = static_cast<SentencePieceModel::Kind>(fields.value());
    }
    if (fields.number() == kWhitespaceAsSuffix) model.whitespace_as_suffix = fields.value() != 0;
    if (fields.number() == kByteFallback) model.byte_fallback = fields.value() != 0;
  }
  return fields.complete();
}

bool read_normalizer(std::string_view bytes, SentencePieceModel& model) {
  using namespace normalizer_field;
  Fields fields(bytes);
  while (fields.next()) {
    const bool is_set = fields.value() != 0;
    if (fields.number() == kCharacterMap) {
      model.has_character_map = !fields.bytes().empty();
      model.sound_character_maps &= is_sound_character_map(fields.bytes());
    }
    if (fields.number() == kAddDummyPrefix) model.add_dummy_prefix = is_set;
    if (fields.number() == kRemoveExtraWhitespaces) model.remove_extra_whitespaces = is_set;
    if (fields.number() == kEscapeWhitespaces) model.escape_whitespaces = is_set;
  }
  return fields.complete();
}

bool read_denormalizer(std::string_view bytes, SentencePieceModel& model) {
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.number() == normalizer_field::kCharacterMap) {
      model.sound_character_maps &= is_sound_character_map(fields.bytes());
    }
  }
  return fields.complete();
}

}  // namespace

std::optional<SentencePieceModel> parse_sentence_piece_model(std::string_view bytes) {
  SentencePieceModel model;
  bool has_trainer = false, has_normalizer = false, sound = true;
  Fields fields(bytes);
  while (sound && fields.next()) {
    if (fields.number() == model_field::kPiece) {
      sound = read_piece(fields.bytes(), model.pieces.emplace_back());
    } else if (fields.number() == model_field::kTrainer) {
      has_trainer = true;
      sound = read_trainer(fields.bytes(), model);
    } else if (fields.number() == model_field::kNormalizer) {
      has_normalizer = true;
      sound = read_normalizer(fields.bytes(), model);
    } else if (fields.number() == model_field::kDenormalizer) {
      sound = read_denormalizer(fields.bytes(), model);
    }
  }
  if (!sound || !fields.complete() || !has_trainer || !has_normalizer || model.pieces.empty()) {
    return std::nullopt;
  }
  return model;
}

}  // namespace ropewalk::tokenization

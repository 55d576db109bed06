// Small tokenizer.model files made in the test: SentencePiece's protocol buffer, and tiktoken's
// list.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace ropewalk {

// One field of a protocol buffer; numbers and sizes here stay below 128 or are two bytes long.
inline std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}
inline std::string number_field(int field, uint64_t value) {
  return varint(static_cast<uint64_t>(field) << 3) + varint(value);
}
inline std::string bytes_field(int field, std::string_view bytes) {
  return varint(static_cast<uint64_t>(field) << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}

enum class PieceType { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

struct PieceSpec {
  std::string text;
  float score = 0;
  PieceType type = PieceType::kNormal;
};

inline std::string piece_field(const PieceSpec& piece) {
  std::string score(sizeof piece.score, '\0');
  std::memcpy(score.data(), &piece.score, sizeof piece.score);
  return bytes_field(1,
                     bytes_field(1, piece.text) + varint(2 << 3 | 5) + score +
                         number_field(3, static_cast<uint64_t>(piece.type)));
}

// "<0x00>" to "<0xFF>".
inline std::string byte_piece(int byte) {
  constexpr const char* kHex = "0123456789ABCDEF";
  return {'<', '0', 'x', kHex[byte / 16], kHex[byte % 16], '>'};
}
inline std::vector<PieceSpec> byte_pieces() {
  std::vector<PieceSpec> pieces;
  for (int byte = 0; byte < 256; ++byte) pieces.push_back({byte_piece(byte), 0, PieceType::kByte});
  return pieces;
}

struct ModelSettings {
  int kind = 2;  // BPE
  bool byte_fallback = false;
  bool dummy_prefix = true;
  bool remove_extra_whitespaces = false;
};

inline std::string sentence_piece_model(const std::vector<PieceSpec>& pieces,
                                        const ModelSettings& settings) {
  constexpr int kModelType = 3, kByteFallback = 35;
  constexpr int kAddDummyPrefix = 3, kRemoveExtraWhitespaces = 4;
  std::string model;
  for (const PieceSpec& piece : pieces) model += piece_field(piece);
  model += bytes_field(2,
                       number_field(kModelType, static_cast<uint64_t>(settings.kind)) +
                           number_field(kByteFallback, settings.byte_fallback));
  return model +
         bytes_field(3,
                     bytes_field(1, "identity") +
                         number_field(kAddDummyPrefix, settings.dummy_prefix) +
                         number_field(kRemoveExtraWhitespaces, settings.remove_extra_whitespaces));
}

// BPE with byte fallback: ids 0..2 are <unk>, <s>, </s>, 3..258 the bytes, 259 the
// user-defined <x>, 260 "▁", 261 "a", 262 "b", 263 "ab".
inline std::string sentence_piece_model(bool dummy_prefix = false) {
  std::vector<PieceSpec> pieces = {{"<unk>", 0, PieceType::kUnknown},
                                   {"<s>", 0, PieceType::kControl},
                                   {"</s>", 0, PieceType::kControl}};
  for (const PieceSpec& piece : byte_pieces()) pieces.push_back(piece);
  pieces.push_back({"<x>", 0, PieceType::kUserDefined});
  for (const PieceSpec& piece :
       {PieceSpec{"▁", -1}, PieceSpec{"a", -2}, PieceSpec{"b", -3}, PieceSpec{"ab", -0.5F}}) {
    pieces.push_back(piece);
  }
  return sentence_piece_model(pieces, {.byte_fallback = true, .dummy_prefix = dummy_prefix});
}

inline std::string base64(std::string_view bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0);
    }
    for (size_t k = 0; k < 4; ++k) {
      const bool used = i + k <= bytes.size();
      text.push_back(used ? kDigits[bits >> (18 - 6 * k) & 63] : '=');
    }
  }
  return text;
}

// The bytes, then the words, then as many tokens that no text has as `size` asks for.
inline std::string tiktoken_list(const std::vector<std::string>& words, size_t size = 128'000) {
  std::string list;
  size_t rank = 0;
  const auto add = [&](std::string_view token) {
    list += base64(token) + " " + std::to_string(rank++) + "\n";
  };
  for (int byte = 0; byte < 256; ++byte) add(std::string(1, static_cast<char>(byte)));
  for (const std::string& word : words) add(word);
  while (rank < size) add(std::string(1, '\xFF').append(std::to_string(rank)));
  return list;
}

}  // namespace ropewalk

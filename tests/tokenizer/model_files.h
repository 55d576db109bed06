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

// BPE with byte fallback: ids 0..2 are <unk>, <s>, </s>, 3..258 the bytes, 259 the
// user-defined <x>, 260 "▁", 261 "a", 262 "b", 263 "ab".
inline std::string sentence_piece_model(bool dummy_prefix = false) {
  std::string model = piece_field({"<unk>", 0, PieceType::kUnknown}) +
                      piece_field({"<s>", 0, PieceType::kControl}) +
                      piece_field({"</s>", 0, PieceType::kControl});
  constexpr const char* kHex = "0123456789ABCDEF";
  for (int byte = 0; byte < 256; ++byte) {
    const std::string name = {'<', '0', 'x', kHex[byte / 16], kHex[byte % 16], '>'};
    model += piece_field({name, 0, PieceType::kByte});
  }
  model += piece_field({"<x>", 0, PieceType::kUserDefined});
  model += piece_field({"▁", -1}) + piece_field({"a", -2}) + piece_field({"b", -3}) +
           piece_field({"ab", -0.5F});
  constexpr int kModelType = 3, kBpe = 2, kByteFallback = 35;
  constexpr int kAddDummyPrefix = 3, kRemoveExtraWhitespaces = 4;
  model += bytes_field(2, number_field(kModelType, kBpe) + number_field(kByteFallback, 1));
  return model +
         bytes_field(3,
                     bytes_field(1, "identity") + number_field(kAddDummyPrefix, dummy_prefix) +
                         number_field(kRemoveExtraWhitespaces, 0));
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

#include <array>

#include "ropewalk/formats/event_file.h"

namespace ropewalk {
namespace {

// Castagnoli's polynomial, bits reversed.
constexpr uint32_t kPolynomial = 0x82f63b78u;

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? kPolynomial : 0);
    table[i] = value;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = make_table();

}  // namespace

uint32_t crc32c(std::span<const std::byte> bytes) {
  uint32_t value = 0xffffffffu;
  for (const std::byte byte : bytes) {
    value = kTable[(value ^ std::to_integer<uint32_t>(byte)) & 0xff] ^ value >> 8;
  }
  return ~value;
}

// TFRecord stores rotated sums, so that a sum over data that holds sums stays sound.
uint32_t masked_crc32c(std::span<const std::byte> bytes) {
  const uint32_t crc = crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

}  // namespace ropewalk

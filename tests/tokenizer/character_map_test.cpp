#include "tokenizer/files/character_map.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace ropewalk::tokenization {
namespace {

constexpr uint32_t kValue = 1u << 31, kHasValue = 1u << 8;

uint32_t way(uint32_t from, uint32_t to) { return (from ^ to) << 10; }

// Every byte leads from the root to unit 256 ^ byte; "a" alone goes on, to a value at unit 128.
std::vector<uint32_t> units() {
  std::vector<uint32_t> units(512);
  units[0] = way(0, 256);
  units[256] = 1;
  units[256 ^ 'a'] = 'a' | kHasValue | way(256 ^ 'a', 128);
  units[128] = kValue;
  return units;
}

std::string map_of(const std::vector<uint32_t>& units,
                   const std::string& texts = std::string("b\0", 2)) {
  const auto size = static_cast<uint32_t>(4 * units.size());
  std::string map(4 + size, '\0');
  std::memcpy(map.data(), &size, 4);
  std::memcpy(map.data() + 4, units.data(), size);
  return map + texts;
}

TEST(CharacterMap, SoundOnesAreTaken) {
  EXPECT_TRUE(is_sound_character_map(""));
  EXPECT_TRUE(is_sound_character_map(map_of(units())));
}

TEST(CharacterMap, SizesThatLieAreRefused) {
  const std::string whole = map_of(units());
  for (const size_t size : {1, 4, 5, 100, 4 + 2048, 4 + 2048 + 1}) {
    EXPECT_FALSE(is_sound_character_map(whole.substr(0, size))) << size;
  }
  EXPECT_FALSE(is_sound_character_map(map_of({})));
  EXPECT_FALSE(is_sound_character_map(map_of(units(), "b")));
}

TEST(CharacterMap, WaysOutAreRefused) {
  for (const uint32_t target : {512u, 1u << 20}) {
    std::vector<uint32_t> to_children = units();
    to_children[0] = way(0, target);
    EXPECT_FALSE(is_sound_character_map(map_of(to_children))) << target;
  }
  std::vector<uint32_t> value_outside = units();
  value_outside[128] = kValue | 2;
  EXPECT_FALSE(is_sound_character_map(map_of(value_outside)));
}

TEST(CharacterMap, CirclesAreRefused) {
  std::vector<uint32_t> circle = units();
  circle[256 ^ 'a'] = 'a' | way(256 ^ 'a', 256);
  EXPECT_FALSE(is_sound_character_map(map_of(circle)));
}

// One block for each letter of "aaa...": libsentencepiece has room for 32 matches.
TEST(CharacterMap, MoreMatchesThanThereIsRoomForAreRefused) {
  for (const uint32_t length : {32u, 33u}) {
    std::vector<uint32_t> chain(256 * (length + 2), 1);
    chain[0] = way(0, 256);
    for (uint32_t i = 1; i <= length + 1; ++i) {
      const uint32_t base = 256 * i;
      chain[base] = kValue;
      chain[base + 1] = 2;
      if (i <= length) chain[base ^ 'a'] = 'a' | kHasValue | way(base ^ 'a', base + 256);
    }
    chain[256] = 1;
    EXPECT_EQ(is_sound_character_map(map_of(chain)), length == 32) << length;
  }
}

}  // namespace
}  // namespace ropewalk::tokenization

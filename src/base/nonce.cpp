#include "ropewalk/base/nonce.h"

#include <array>
#include <cstdio>
#include <random>

namespace ropewalk {

std::string make_nonce() {
  std::random_device device;
  std::array<char, 9> word{};
  std::string text;
  for (int i = 0; i < 4; ++i) {
    std::snprintf(word.data(), word.size(), "%08x", static_cast<unsigned>(device()));
    text += word.data();
  }
  return text;
}

}  // namespace ropewalk

#include "ropewalk/base/terminal_line.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace ropewalk {
namespace {

constexpr int kBarWidth = 20;
constexpr const char* kToBeginAndErase = "\r\033[K";

}  // namespace

std::string progress_bar(double done, double total) {
  const int filled = static_cast<int>(kBarWidth * std::clamp(done / total, 0.0, 1.0));
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "]";
}

TerminalLine::TerminalLine() : on_terminal_(isatty(STDERR_FILENO) == 1) {}

void TerminalLine::show(const std::string& text) {
  if (!on_terminal_) return;
  std::fprintf(stderr, "%s%s", kToBeginAndErase, text.c_str());
  std::fflush(stderr);
  is_shown_ = true;
}

void TerminalLine::clear() {
  if (is_shown_) std::fputs(kToBeginAndErase, stderr);
  is_shown_ = false;
}

}  // namespace ropewalk

#include "ropewalk/train/console.h"

#include <algorithm>
#include <cstdio>

#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

std::string printed(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

}  // namespace

std::string step_line(const StepReport& r) {
  const double per_rank = r.tokens_per_second / std::max(1, r.world_size);
  std::string line = "step " + std::to_string(r.step) + "/" + std::to_string(r.total_steps);
  line += "  loss " + printed("%.4f", r.loss) + "  grad " + printed("%.3f", r.grad_norm);
  line += "  lr " + printed("%.2e", r.learning_rate);
  line += "  " + format_count(static_cast<int64_t>(r.tokens_per_second)) + " tok/s";
  line += " (" + format_count(static_cast<int64_t>(per_rank)) + "/rank)";
  line += "  mfu " + printed("%.1f%%", 100 * r.mfu);
  line += "  mem " + format_bytes(static_cast<uint64_t>(r.memory_bytes));
  line += "  eta " + format_seconds(r.eta_s);
  return line;
}

void Console::live(const StepReport& report) {
  const auto total = static_cast<double>(std::max<int64_t>(1, report.total_steps));
  line_.show(progress_bar(static_cast<double>(report.step), total) + " " + step_line(report));
}

void Console::line(const std::string& text) {
  line_.clear();
  log_info(text);
}

}  // namespace ropewalk

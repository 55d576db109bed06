#include "cli/commands/prepare_view.h"

#include <algorithm>
#include <cstdio>

#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"

namespace ropewalk::cli {
namespace {

constexpr std::chrono::milliseconds kTerminalInterval{200};
constexpr std::chrono::seconds kLogInterval{30};

std::string share_done(const PrepareProgress& progress) {
  const auto done = double(progress.bytes_done);
  const auto total = double(progress.bytes_total);
  return progress_bar(done, total) + " " +
         std::to_string(static_cast<int>(100 * std::min(1.0, done / total))) + "%  ";
}

}  // namespace

std::string prepare_line(const PrepareProgress& progress, double elapsed_s) {
  const bool knows_end = progress.bytes_total > 0;
  std::string line = knows_end ? share_done(progress) : "";
  line += format_bytes(progress.bytes_done);
  if (knows_end) line += " of " + format_bytes(progress.bytes_total);
  line += "  " + format_count(progress.documents) + " documents";
  line += "  " + format_count(progress.tokens) + " tokens";
  if (progress.bad_lines > 0) line += "  " + format_count(progress.bad_lines) + " bad lines";
  if (elapsed_s <= 0) return line;
  char rate[32];
  const double text_bytes = double(progress.text_bytes - progress.text_bytes_before);
  std::snprintf(rate, sizeof(rate), "  %.1f MB/s", text_bytes / 1e6 / elapsed_s);
  line += rate;
  const double done_now = double(progress.bytes_done) - double(progress.bytes_done_before);
  if (knows_end && done_now > 0) {
    const double left = std::max(0.0, double(progress.bytes_total) - double(progress.bytes_done));
    line += "  eta " + format_seconds(left * elapsed_s / done_now);
  }
  return line;
}

void PrepareView::update(const PrepareProgress& progress) {
  const auto now = Clock::now();
  if (line_.on_terminal() && now - last_ >= kTerminalInterval) {
    line_.show(prepare_line(progress, elapsed_s()));
    last_ = now;
  } else if (!line_.on_terminal() && now - last_ >= kLogInterval) {
    log_info("prepare: " + prepare_line(progress, elapsed_s()));
    last_ = now;
  }
}

void PrepareView::tell(const std::string& text) {
  line_.clear();
  log_warn(text);
}

double PrepareView::elapsed_s() const {
  return std::chrono::duration<double>(Clock::now() - begin_).count();
}

}  // namespace ropewalk::cli

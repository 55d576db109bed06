#include "ropewalk/data/prepare.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/signals.h"
#include "ropewalk/base/text.h"

namespace ropewalk::cli {
namespace {

using Clock = std::chrono::steady_clock;

// A line that rewrites itself, on terminals only.
class ProgressLine {
 public:
  ~ProgressLine() { clear(); }

  void update(int64_t documents, int64_t tokens) {
    const auto now = Clock::now();
    if (!on_terminal_ || now - last_ < std::chrono::milliseconds(200)) return;
    last_ = now;
    shown_ = true;
    std::fprintf(stderr,
                 "\r\033[K%s documents, %s tokens",
                 format_count(documents).c_str(),
                 format_count(tokens).c_str());
  }

  void clear() {
    if (shown_) std::fputs("\r\033[K", stderr);
    shown_ = false;
  }

 private:
  const bool on_terminal_ = isatty(STDERR_FILENO) != 0;
  bool shown_ = false;
  Clock::time_point last_ = Clock::now();
};

}  // namespace

int run_prepare(const PrepareOptions& options) {
  install_stop_handlers();
  const auto tokenizer = Tokenizer::load(options.tokenizer);
  ProgressLine progress;
  ropewalk::PrepareOptions job;
  job.inputs.assign(options.inputs.begin(), options.inputs.end());
  job.output = options.output;
  job.text_field = options.field;
  job.overwrite = options.overwrite;
  job.progress = [&](int64_t documents, int64_t tokens) { progress.update(documents, tokens); };
  const auto begin = Clock::now();
  const PrepareResult result = prepare_tokens(job, *tokenizer);
  progress.clear();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::printf("%s documents, %s tokens, %.3f bytes per token, %s shard%s in %s (%s, %.1f MB/s)\n",
              format_count(result.documents).c_str(),
              format_count(result.tokens).c_str(),
              static_cast<double>(result.text_bytes) / static_cast<double>(result.tokens),
              format_count(result.shards).c_str(),
              result.shards == 1 ? "" : "s",
              options.output.c_str(),
              format_seconds(seconds).c_str(),
              static_cast<double>(result.text_bytes) / 1e6 / seconds);
  return kExitDone;
}

}  // namespace ropewalk::cli

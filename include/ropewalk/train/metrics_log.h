// metrics.jsonl: one JSON object a line, in step order, appended whole (so that a reader never
// sees half a line of a live run). A killed run may leave half a line at the end.
#pragma once

#include <cstdint>
#include <filesystem>

#include "ropewalk/base/json.h"
#include "ropewalk/train/step_report.h"

namespace ropewalk {

class MetricsLog {
 public:
  // Keeps the lines up to `last_step` of an earlier start and drops later and torn ones: those
  // steps are about to be computed again.
  MetricsLog(const std::filesystem::path& path, int64_t last_step);
  void write(const Json& line);

 private:
  std::filesystem::path path_;
};

// Keys as in docs/file_formats.md.
Json metrics_line(const StepReport& report);

}  // namespace ropewalk

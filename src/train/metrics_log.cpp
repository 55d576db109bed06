#include "ropewalk/train/metrics_log.h"

#include <string>

#include "ropewalk/base/files.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

// nullptr-safe: a torn or foreign line counts as later than any step.
bool is_kept(const std::string& line, int64_t last_step) {
  const Json parsed = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return false;
  const auto step = parsed.find("step");
  return step != parsed.end() && step->is_number_integer() && step->get<int64_t>() <= last_step;
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& path, int64_t last_step) : path_(path) {
  std::string kept;
  if (std::filesystem::exists(path)) {
    for (const std::string& line : split(read_file(path), '\n')) {
      if (is_kept(line, last_step)) kept += line + "\n";
    }
  }
  write_file_atomic(path, kept);
}

void MetricsLog::write(const Json& line) { append_to_file(path_, line.dump() + "\n"); }

Json metrics_line(const StepReport& report) {
  Json line{{"step", report.step},
            {"loss", report.loss},
            {"grad_norm", report.grad_norm},
            {"learning_rate", report.learning_rate},
            {"tokens", report.tokens},
            {"tokens_per_second", report.tokens_per_second},
            {"mfu", report.mfu},
            {"memory_bytes", report.memory_bytes},
            {"time_s", report.time_s},
            {"epochs", report.epochs}};
  if (report.skipped) line["skipped"] = true;
  for (const auto& [source, tokens] : report.source_tokens) line["tokens/" + source] = tokens;
  return line;
}

}  // namespace ropewalk

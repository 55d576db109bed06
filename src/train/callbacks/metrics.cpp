#include "train/callbacks/metrics.h"

namespace ropewalk {

MetricsSink::MetricsSink(const RunDirectory& directory,
                         bool tensorboard,
                         std::optional<int64_t> resumed_step)
    : log_(directory.metrics_file(), resumed_step.value_or(0)) {
  if (tensorboard) {
    events_ = std::make_unique<EventFileWriter>(directory.tensorboard_folder(), resumed_step);
  }
}

void MetricsSink::write(const Json& line) {
  log_.write(line);
  if (!events_) return;
  const auto step = line.at("step").get<int64_t>();
  const double now_s = wall_time_now_s();
  for (const auto& [key, value] : line.items()) {
    if (key != "step" && value.is_number()) {
      const std::string tag = key.find('/') == std::string::npos ? "train/" + key : key;
      events_->scalar(tag, step, value.get<double>(), now_s);
    }
  }
}

void MetricsCallback::after_step(const StepBorder& border) {
  if (sink_ == nullptr) return;
  if (!border.stopping && !is_due(border, every_steps_)) {
    sink_->console().live(border.report);
    return;
  }
  sink_->write(metrics_line(border.report));
  sink_->console().line(step_line(border.report));
}

}  // namespace ropewalk

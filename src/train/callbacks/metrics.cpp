#include "train/callbacks/metrics.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"

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
  try_to_write(metrics_fail_, [&] { log_.write(line); });
  if (events_) try_to_write(events_fail_, [&] { write_events(line); });
}

// Numbers that cannot be written are no reason to end a run; checkpoints that cannot be are.
void MetricsSink::try_to_write(bool& fails, const std::function<void()>& write) {
  try {
    write();
    fails = false;
  } catch (const IoError& error) {
    if (!fails) {
      log_warn(std::string(error.what()) +
               "\nthe run goes on without these numbers, until they can be written again");
    }
    fails = true;
  }
}

void MetricsSink::write_events(const Json& line) {
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

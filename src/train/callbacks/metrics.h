// Writes what a step showed: console, metrics.jsonl, TensorBoard. Rank 0 only.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "ropewalk/formats/event_file.h"
#include "ropewalk/train/callback.h"
#include "ropewalk/train/console.h"
#include "ropewalk/train/metrics_log.h"
#include "ropewalk/train/run_directory.h"

namespace ropewalk {

// Where the numbers of a run go; shared by the callbacks that have some.
class MetricsSink {
 public:
  // `resumed_step`: the step that was loaded; nothing on a fresh start.
  MetricsSink(const RunDirectory& directory, bool tensorboard, std::optional<int64_t> resumed_step);
  // `line` has `step`; every other number becomes a scalar of its key. A failure is told, once.
  void write(const Json& line);
  Console& console() { return console_; }

 private:
  static void try_to_write(bool& fails, const std::function<void()>& write);
  void write_events(const Json& line);

  Console console_;
  MetricsLog log_;
  std::unique_ptr<EventFileWriter> events_;  // null: off
  bool metrics_fail_ = false;
  bool events_fail_ = false;
};

class MetricsCallback final : public Callback {
 public:
  // `sink`: null on ranks that do not write; must outlive the callback.
  MetricsCallback(MetricsSink* sink, int64_t every_steps)
      : sink_(sink), every_steps_(every_steps) {}
  void after_step(const StepBorder& border) override;

 private:
  MetricsSink* sink_;
  int64_t every_steps_;
};

}  // namespace ropewalk

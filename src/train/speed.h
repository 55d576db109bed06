// Speed, utilisation and remaining time of a run, without the time that evaluations and saves take.
#pragma once

#include <c10/core/Device.h>

#include <chrono>

#include "ropewalk/train/step_report.h"

namespace ropewalk {

class SpeedMeter {
 public:
  // `matmul_rate`: FLOP/s of all ranks together. Training that exceeds it takes its place: what
  // measured it had a busy neighbour.
  SpeedMeter(double flops_per_token, double matmul_rate);

  // Fills the report's times, speeds and memory. Speed is the mean since start_window().
  void measure(StepReport& report, c10::Device device);
  void start_window();
  // What followed the last measure() was no training.
  void leave_out_time_since_measure();

 private:
  using Clock = std::chrono::steady_clock;

  double flops_per_token_;
  double matmul_rate_;
  Clock::time_point start_;
  Clock::time_point last_measure_;
  double window_s_ = 0;
  int64_t window_tokens_ = 0;
  double training_s_ = 0;
  int64_t training_steps_ = 0;
  bool begin_window_ = false;
};

}  // namespace ropewalk

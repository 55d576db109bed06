#include "train/speed.h"

#include <algorithm>

#include "train/memory.h"

namespace ropewalk {
namespace {

constexpr double kSmallest_s = 1e-9;

}  // namespace

SpeedMeter::SpeedMeter(double flops_per_token, double matmul_rate)
    : flops_per_token_(flops_per_token),
      matmul_rate_(matmul_rate),
      start_(Clock::now()),
      last_measure_(start_) {}

void SpeedMeter::measure(StepReport& report, c10::Device device) {
  const auto now = Clock::now();
  if (begin_window_) {
    window_s_ = 0;
    window_tokens_ = 0;
    begin_window_ = false;
  }
  report.step_time_s = std::chrono::duration<double>(now - last_measure_).count();
  last_measure_ = now;
  window_s_ += report.step_time_s;
  window_tokens_ += report.step_tokens;
  training_s_ += report.step_time_s;
  ++training_steps_;

  report.tokens_per_second = static_cast<double>(window_tokens_) / std::max(window_s_, kSmallest_s);
  const double rate = report.tokens_per_second * flops_per_token_;
  matmul_rate_ = std::max(matmul_rate_, rate);
  report.mfu = rate / matmul_rate_;
  report.memory_bytes = peak_memory_bytes(device);
  report.time_s = std::chrono::duration<double>(now - start_).count();
  report.eta_s = training_s_ / static_cast<double>(training_steps_) *
                 static_cast<double>(report.total_steps - report.step);
}

void SpeedMeter::start_window() { begin_window_ = true; }

void SpeedMeter::leave_out_time_since_measure() { last_measure_ = Clock::now(); }

}  // namespace ropewalk

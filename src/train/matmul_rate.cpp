#include "ropewalk/train/matmul_rate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>

namespace ropewalk {
namespace {

using Clock = std::chrono::steady_clock;

// Reading one element waits for the device to finish.
double timed_product(const at::Tensor& a, const at::Tensor& b, at::Tensor& out) {
  const auto start = Clock::now();
  at::mm_out(out, a, b);
  out.select(0, 0).select(0, 0).item();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

double measure_matmul_rate(at::ScalarType dtype, at::Device device) {
  constexpr double kBudget_s = 0.2;
  const int64_t size = device.is_cuda() ? 8192 : 1024;
  const auto options = at::TensorOptions().dtype(dtype).device(device);
  const at::Tensor a = at::ones({size, size}, options);
  const at::Tensor b = at::ones({size, size}, options);
  at::Tensor out = at::empty({size, size}, options);
  timed_product(a, b, out);  // first touch
  double best = timed_product(a, b, out);
  for (double spent = best; spent < kBudget_s;) {
    const double seconds = timed_product(a, b, out);
    best = std::min(best, seconds);
    spent += seconds;
  }
  return 2.0 * static_cast<double>(size) * static_cast<double>(size) * static_cast<double>(size) /
         best;
}

}  // namespace ropewalk

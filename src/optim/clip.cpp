#include "ropewalk/optim/clip.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace ropewalk {
namespace {

constexpr int64_t kBlock = 1 << 16;  // elements whose squares one thread sums on its own
constexpr int kLanes = 8;            // independent double sums, which the compiler vectorizes

double sum_of_squares(const float* values, int64_t count) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + lane];
      lanes[lane] += value * value;
    }
  }
  double sum = 0.0;
  for (; i < count; ++i) sum += static_cast<double>(values[i]) * values[i];
  for (const double lane : lanes) sum += lane;
  return sum;
}

double sum_of_squares(const at::Tensor& gradient) {
  if (!gradient.is_cpu() || gradient.scalar_type() != at::kFloat || !gradient.is_contiguous()) {
    const double norm = at::linalg_vector_norm(gradient, 2, {}, false, at::kDouble).item<double>();
    return norm * norm;
  }
  const float* values = gradient.const_data_ptr<float>();
  const int64_t count = gradient.numel();
  const int64_t num_blocks = (count + kBlock - 1) / kBlock;
  std::vector<double> partial(static_cast<size_t>(num_blocks));
  at::parallel_for(0, num_blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kBlock;
      partial[block] = sum_of_squares(values + first, std::min(kBlock, count - first));
    }
  });
  double sum = 0.0;
  for (const double part : partial) sum += part;
  return sum;
}

}  // namespace

ClipResult clip_grad_norm(const dist::NamedShardedTensors& parameters,
                          double max_norm,
                          const std::function<double(double)>& sum_over_shards) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& [name, parameter] : parameters) {
    const at::Tensor& gradient = parameter.local().grad();
    if (gradient.defined() && gradient.numel() > 0) gradients.push_back(gradient);
  }
  double sum = 0.0;
  for (const at::Tensor& gradient : gradients) sum += sum_of_squares(gradient);
  ClipResult result{.norm = std::sqrt(sum_over_shards(sum))};
  result.finite = std::isfinite(result.norm);
  if (!result.finite || max_norm <= 0.0) return result;
  const double scale = max_norm / (result.norm + 1e-6);
  result.clipped = scale < 1.0;
  if (result.clipped && !gradients.empty()) at::_foreach_mul_(gradients, scale);
  return result;
}

}  // namespace ropewalk

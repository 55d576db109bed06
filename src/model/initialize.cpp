#include "ropewalk/model/initialize.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <unordered_map>

#include "ropewalk/base/rng.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/spec/parameters.h"

namespace ropewalk {
namespace {

// FNV-1a: a parameter's stream of random numbers follows from its name.
uint64_t stream_of(const std::string& name) {
  uint64_t hash = 14695981039346656037ull;
  for (const unsigned char c : name) hash = (hash ^ c) * 1099511628211ull;
  return hash;
}

// Box and Muller's transform: numbers 2i and 2i + 1 of a stream make one pair of normal ones.
void fill_normal(const InitialValues& values,
                 uint64_t stream,
                 int64_t first,
                 std::span<float> out) {
  const int64_t last = first + static_cast<int64_t>(out.size());
  at::parallel_for(first / 2, (last + 1) / 2, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const uint64_t index = static_cast<uint64_t>(2 * i);
      const double uniform = 1.0 - random_uniform(values.seed, stream, index);  // in (0, 1]
      const double angle = 2.0 * std::numbers::pi * random_uniform(values.seed, stream, index + 1);
      const double radius = values.deviation * std::sqrt(-2.0 * std::log(uniform));
      const auto put = [&](int64_t at, double value) {
        if (first <= at && at < last)
          out[static_cast<size_t>(at - first)] = static_cast<float>(value);
      };
      put(2 * i, radius * std::cos(angle));
      put(2 * i + 1, radius * std::sin(angle));
    }
  });
}

// Between plus and minus the deviation.
void fill_uniform(const InitialValues& values,
                  uint64_t stream,
                  int64_t first,
                  std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const double uniform = random_uniform(
        values.seed, stream, static_cast<uint64_t>(first) + static_cast<uint64_t>(i));
    out[i] = static_cast<float>(values.deviation * (2.0 * uniform - 1.0));
  }
}

}  // namespace

void fill_initial(const ParameterShape& parameter,
                  const InitialValues& values,
                  int64_t begin,
                  std::span<float> out) {
  if (parameter.role == ParameterRole::kVector || parameter.role == ParameterRole::kLoraB) {
    std::fill(out.begin(), out.end(), static_cast<float>(parameter.initial));
  } else if (parameter.role == ParameterRole::kLoraA) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(parameter.shape.back()));
    fill_uniform({values.seed, bound}, stream_of(parameter.name), begin, out);
  } else {
    fill_normal(values, stream_of(parameter.name), begin, out);
  }
}

void Decoder::initialize(uint64_t seed) {
  at::NoGradGuard no_grad;
  std::unordered_map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : named_weights()) weights.emplace(name, tensor);
  const InitialValues random{.seed = seed, .deviation = spec_.initializer_range};
  for_each_parameter(spec_, [&](const ParameterShape& parameter) {
    at::Tensor values = weights.at(parameter.name);
    at::Tensor host = at::empty(values.sizes(), at::kFloat);
    fill_initial(
        parameter, random, 0, {host.mutable_data_ptr<float>(), static_cast<size_t>(host.numel())});
    values.copy_(host);
  });
}

}  // namespace ropewalk

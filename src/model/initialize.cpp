#include <ATen/ATen.h>
#include <ATen/Parallel.h>

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
void fill_normal(float* out, int64_t count, double deviation, uint64_t seed, uint64_t stream) {
  at::parallel_for(0, (count + 1) / 2, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const uint64_t index = static_cast<uint64_t>(2 * i);
      const double uniform = 1.0 - random_uniform(seed, stream, index);  // in (0, 1]
      const double angle = 2.0 * std::numbers::pi * random_uniform(seed, stream, index + 1);
      const double radius = deviation * std::sqrt(-2.0 * std::log(uniform));
      out[2 * i] = static_cast<float>(radius * std::cos(angle));
      if (2 * i + 1 < count) out[2 * i + 1] = static_cast<float>(radius * std::sin(angle));
    }
  });
}

}  // namespace

void Decoder::initialize(uint64_t seed) {
  at::NoGradGuard no_grad;
  std::unordered_map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : named_weights()) weights.emplace(name, tensor);
  for_each_parameter(spec_, [&](const ParameterShape& parameter) {
    at::Tensor values = weights.at(parameter.name);
    if (parameter.role == ParameterRole::kVector) {
      values.fill_(parameter.initial);
      return;
    }
    at::Tensor host = at::empty(values.sizes(), at::kFloat);
    fill_normal(host.data_ptr<float>(),
                host.numel(),
                spec_.initializer_range,
                seed,
                stream_of(parameter.name));
    values.copy_(host);
  });
}

}  // namespace ropewalk

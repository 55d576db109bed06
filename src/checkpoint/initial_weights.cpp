#include "ropewalk/checkpoint/initial_weights.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>
#include <unordered_map>

#include "ropewalk/model/initialize.h"

namespace ropewalk {
namespace {

constexpr int64_t kInitialPieceNumel = int64_t{1} << 20;

void fill_shard(const dist::ShardedTensor& tensor,
                const ParameterShape& parameter,
                const InitialValues& values) {
  const dist::ElementRange range = tensor.range();
  const at::Tensor local = tensor.local().detach().view({-1});
  for (int64_t begin = range.begin; begin < range.end; begin += kInitialPieceNumel) {
    const int64_t count = std::min(kInitialPieceNumel, range.end - begin);
    const at::Tensor piece = at::empty({count}, at::kFloat);
    fill_initial(
        parameter, values, begin, {piece.mutable_data_ptr<float>(), static_cast<size_t>(count)});
    local.slice(0, begin - range.begin, begin - range.begin + count).copy_(piece);
  }
}

bool is_of_update(const ParameterShape& parameter) {
  return parameter.role == ParameterRole::kLoraA || parameter.role == ParameterRole::kLoraB;
}

void fill_chosen(const dist::NamedShardedTensors& weights,
                 const DecoderSpec& spec,
                 uint64_t seed,
                 bool (*is_chosen)(const ParameterShape&)) {
  std::unordered_map<std::string, const dist::ShardedTensor*> by_name;
  for (const auto& [name, tensor] : weights) by_name.emplace(name, &tensor);
  const InitialValues values{.seed = seed, .deviation = spec.initializer_range};
  for_each_parameter(spec, [&](const ParameterShape& parameter) {
    if (is_chosen(parameter)) fill_shard(*by_name.at(parameter.name), parameter, values);
  });
}

}  // namespace

void fill_initial_weights(const dist::NamedShardedTensors& weights,
                          const DecoderSpec& spec,
                          uint64_t seed) {
  fill_chosen(weights, spec, seed, [](const ParameterShape&) { return true; });
}

void fill_initial_updates(const dist::NamedShardedTensors& weights,
                          const DecoderSpec& spec,
                          uint64_t seed) {
  fill_chosen(weights, spec, seed, is_of_update);
}

}  // namespace ropewalk

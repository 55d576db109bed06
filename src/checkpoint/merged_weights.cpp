// I in, R rank, S updates * R, O rows of all updates.
#include "checkpoint/merged_weights.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <string>

#include "checkpoint/weight_layout.h"

namespace ropewalk {
namespace {

constexpr std::string_view kWeightSuffix = ".weight";

// "layers.3.attention.qkv.weight" -> "attention.qkv"; empty: no weight of a block.
std::string block_parameter(const std::string& name) {
  const size_t number = name.find('.'), begin = name.find('.', number + 1);
  if (!name.starts_with("layers.") || !name.ends_with(kWeightSuffix)) return {};
  return name.substr(begin + 1, name.size() - kWeightSuffix.size() - begin - 1);
}

struct UpdateValues {
  at::Tensor a_SI, b_OR;
  double scale;
};

dist::ShardedTensor with_updates(const dist::ShardedTensor& weight,
                                 const LoraTarget& target,
                                 const UpdateValues& values) {
  const dist::ElementRange held = weight.range();
  const int64_t columns = row_numel(weight), rank = values.b_OR.size(1);
  const at::Tensor merged = weight.local().detach().clone();
  const at::Tensor flat = merged.view({-1});
  int64_t first_row_of_b = 0, first_row_of_a = 0;
  for (const LoraUpdate& update : target.updates) {
    const int64_t from = std::max(held.begin, update.row_begin * columns);
    const int64_t to = std::min(held.end, update.row_end * columns);
    if (from < to) {
      const int64_t row = from / columns, num_rows = (to - 1) / columns + 1 - row;
      const at::Tensor b = values.b_OR.narrow(0, first_row_of_b + row - update.row_begin, num_rows);
      const at::Tensor a = values.a_SI.narrow(0, first_row_of_a, rank);
      const at::Tensor change = (at::mm(b, a) * values.scale).view({-1});
      flat.slice(0, from - held.begin, to - held.begin)
          .add_(change.slice(0, from - row * columns, to - row * columns));
    }
    first_row_of_b += update.row_end - update.row_begin;
    first_row_of_a += rank;
  }
  return weight.with_local(merged);
}

}  // namespace

dist::NamedShardedTensors merged_weights(const dist::NamedShardedTensors& weights,
                                         const DecoderSpec& spec) {
  if (!spec.lora) return weights;
  const at::NoGradGuard no_grad;
  std::map<std::string, const dist::ShardedTensor*> by_name;
  for (const auto& [name, tensor] : weights) by_name.emplace(name, &tensor);
  dist::NamedShardedTensors merged;
  for (const auto& [name, tensor] : weights) {
    if (name.ends_with(kLoraA) || name.ends_with(kLoraB)) continue;
    const LoraTarget* target = spec.lora->find(block_parameter(name));
    if (target == nullptr) {
      merged.emplace_back(name, tensor);
      continue;
    }
    const std::string stem = name.substr(0, name.size() - kWeightSuffix.size());
    const UpdateValues values{
        by_name.at(stem + kLoraA)->gather(), by_name.at(stem + kLoraB)->gather(), spec.lora->scale};
    merged.emplace_back(name, with_updates(tensor, *target, values));
  }
  return merged;
}

}  // namespace ropewalk

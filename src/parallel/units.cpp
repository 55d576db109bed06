#include <string>
#include <unordered_set>

#include "ropewalk/parallel/sharded.h"
#include "ropewalk/spec/parameters.h"

namespace ropewalk::parallel {

std::vector<ShardedUnit> sharded_units(const Decoder& decoder) {
  std::unordered_set<std::string> full_precision;
  for_each_parameter(decoder.spec(), [&](const ParameterShape& parameter) {
    if (parameter.full_precision) full_precision.insert(parameter.name);
  });
  const at::ScalarType compute_type = decoder.options().compute_dtype;
  const auto add = [&](ShardedUnit& unit, const std::string& name, const at::Tensor& parameter) {
    const bool in_fp32 = full_precision.contains(name);
    unit.parameters.push_back({name, parameter, in_fp32 ? at::kFloat : compute_type});
  };

  std::vector<ShardedUnit> units(1);
  std::unordered_set<std::string> in_blocks;
  for (size_t n = 0; n < decoder.blocks().size(); ++n) {
    const Block& block = *decoder.blocks()[n];
    ShardedUnit& unit = units.emplace_back(ShardedUnit{.block = &block, .parameters = {}});
    for (const auto& item : block.named_parameters()) {
      const std::string name = "layers." + std::to_string(n) + "." + item.key();
      add(unit, name, item.value());
      in_blocks.insert(name);
    }
  }
  for (const auto& item : decoder.named_parameters()) {
    if (!in_blocks.contains(item.key())) add(units.front(), item.key(), item.value());
  }
  return units;
}

}  // namespace ropewalk::parallel

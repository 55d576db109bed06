#include "plan/model_sizes.h"

#include <algorithm>
#include <string>

#include "plan/block_tensors.h"
#include "ropewalk/plan/engine_facts.h"
#include "ropewalk/spec/parameters.h"

namespace ropewalk::plan {
namespace {

UnitSizes sizes_of(const std::vector<ParameterShape>& parameters) {
  UnitSizes sizes;
  for (const ParameterShape& parameter : parameters) {
    const int64_t count = parameter.count();
    if (parameter.full_precision) {
      sizes.wide += count;
      sizes.wide_room += aligned_in_shard(count);
    } else {
      sizes.matrices += count;
      sizes.matrix_room += aligned_in_shard(count);
    }
  }
  return sizes;
}

UnitSizes root_sizes(const DecoderSpec& spec) {
  std::vector<ParameterShape> parameters = parameters_before_blocks(spec);
  for (ParameterShape& parameter : parameters_after_blocks(spec)) {
    parameters.push_back(std::move(parameter));
  }
  return sizes_of(parameters);
}

}  // namespace

int64_t ModelSizes::count() const {
  int64_t sum = 0;
  for_each_unit([&](const UnitSizes& unit) { sum += unit.count(); });
  return sum;
}

ModelSizes measure_model(const DecoderSpec& spec) {
  ModelSizes model{spec, root_sizes(spec), {}, {}};
  for (int64_t layer = 0; layer < spec.num_layers; ++layer) {
    const auto same = [&](const LayerKind& kind) { return kind.layer == spec.layer(layer); };
    auto found = std::find_if(model.kinds.begin(), model.kinds.end(), same);
    if (found == model.kinds.end()) {
      model.kinds.push_back({spec.layer(layer), layer, sizes_of(block_parameters(spec, layer))});
      found = model.kinds.end() - 1;
    }
    model.kind_of_layer.push_back(static_cast<size_t>(found - model.kinds.begin()));
  }
  return model;
}

std::vector<FlatSizes> flats_of(const UnitSizes& unit, const RunShape& shape) {
  std::vector<FlatSizes> flats;
  const int64_t ranks = shape.shard_ranks(), bytes = shape.compute_bytes();
  const auto cut = [&](int64_t room, int64_t number_bytes) {
    if (room == 0) return;
    const int64_t shard = aligned_in_shard((room + ranks - 1) / ranks);
    flats.push_back({shard, shard * ranks, number_bytes});
  };
  if (bytes == kFp32) {
    cut(unit.matrix_room + unit.wide_room, kFp32);
  } else {
    cut(unit.matrix_room, bytes);
    cut(unit.wide_room, kFp32);
  }
  return flats;
}

void ShardSizes::add(const UnitSizes& unit, const RunShape& shape) {
  for (const FlatSizes& flat : flats_of(unit, shape)) {
    shard += flat.shard;
    whole += flat.whole;
    if (flat.number_bytes == kFp32) fp32_shard += flat.shard;
    gathered_bytes += flat.gathered_bytes();
  }
}

ShardSizes shards_of(const UnitSizes& unit, const RunShape& shape) {
  ShardSizes sum;
  sum.add(unit, shape);
  return sum;
}

ShardSizes shards_of(const ModelSizes& model, const RunShape& shape) {
  ShardSizes sum;
  model.for_each_unit([&](const UnitSizes& unit) { sum.add(unit, shape); });
  return sum;
}

}  // namespace ropewalk::plan

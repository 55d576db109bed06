// Numbers of parameters by unit: the blocks, and the root that holds embedding, final norm and
// head.
#pragma once

#include <cstdint>
#include <vector>

#include "ropewalk/plan/run_shape.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk::plan {

struct UnitSizes {
  int64_t matrices = 0;  // computed with in the compute type
  int64_t wide = 0;      // norms, biases and routers: fp32 always
  // With every parameter rounded up to kShardAlignment, as flat buffers hold them.
  int64_t matrix_room = 0, wide_room = 0;

  int64_t count() const { return matrices + wide; }
  int64_t bytes(int64_t compute_bytes) const { return matrices * compute_bytes + wide * 4; }
};

// Layers with the same LayerSpec have the same sizes.
struct LayerKind {
  LayerSpec layer;
  int64_t first = 0;  // a layer of this kind
  UnitSizes sizes;
};

struct ModelSizes {
  DecoderSpec spec;
  UnitSizes root;
  std::vector<LayerKind> kinds;
  std::vector<size_t> kind_of_layer;

  const LayerKind& kind(int64_t layer) const {
    return kinds[kind_of_layer[static_cast<size_t>(layer)]];
  }
  int64_t count() const;  // of all parameters
  // The root, then the blocks in order.
  template <typename Visit>
  void for_each_unit(Visit visit) const {
    visit(root);
    for (const size_t kind : kind_of_layer) visit(kinds[kind].sizes);
  }
};

ModelSizes measure_model(const DecoderSpec& spec);

// Parameters of a unit that are gathered in one type: one flat buffer, cut into a shard for each
// rank (parallel/flat_shard.h).
struct FlatSizes {
  int64_t shard = 0;         // numbers
  int64_t whole = 0;         // numbers of all shards
  int64_t number_bytes = 4;  // as gathered

  int64_t gathered_bytes() const { return whole * number_bytes; }
};
std::vector<FlatSizes> flats_of(const UnitSizes& unit, const RunShape& shape);

// The sum of some units' flat buffers.
struct ShardSizes {
  int64_t shard = 0, whole = 0;  // numbers
  int64_t fp32_shard = 0;        // of the shard, those that are gathered in fp32
  int64_t gathered_bytes = 0;

  void add(const UnitSizes& unit, const RunShape& shape);
};
ShardSizes shards_of(const UnitSizes& unit, const RunShape& shape);
ShardSizes shards_of(const ModelSizes& model, const RunShape& shape);

}  // namespace ropewalk::plan

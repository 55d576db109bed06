// Numbers of parameters by unit: the blocks, and the root that holds embedding, final norm and
// head.
#pragma once

#include <cstdint>
#include <vector>

#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk::plan {

struct UnitSizes {
  int64_t matrices = 0;  // computed with in the compute type
  int64_t wide = 0;      // norms, biases and routers: fp32 always
  int64_t largest_matrix = 0;

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
  int64_t bytes(int64_t compute_bytes) const;
  const UnitSizes& largest_block() const;
};

ModelSizes measure_model(const DecoderSpec& spec);

}  // namespace ropewalk::plan

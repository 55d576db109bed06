// Random weights for training from scratch, and for low-rank updates of a trained model.
#pragma once

#include <cstdint>

#include "ropewalk/dist/sharded_tensor.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

// Fills what this rank holds with the values of Decoder::initialize, bit for bit. `weights`: all of
// the model's, by the names of the weight map.
void fill_initial_weights(const dist::NamedShardedTensors& weights,
                          const DecoderSpec& spec,
                          uint64_t seed);
// The same for the model's low-rank updates alone.
void fill_initial_updates(const dist::NamedShardedTensors& weights,
                          const DecoderSpec& spec,
                          uint64_t seed);

}  // namespace ropewalk

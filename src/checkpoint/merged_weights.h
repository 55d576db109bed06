// Weights with their low-rank updates added, as a checkpoint's model files hold them.
#pragma once

#include "ropewalk/dist/sharded_tensor.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

// `weights`: live, by the names of the weight map; those of the updates are left out of the result.
// A weight with an update becomes a copy of this rank's part, W + scale B A in fp32; the others
// stay as they are. Collective within the ranks that share them.
dist::NamedShardedTensors merged_weights(const dist::NamedShardedTensors& weights,
                                         const DecoderSpec& spec);

}  // namespace ropewalk

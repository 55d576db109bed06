// Weights of a Hugging Face directory into a model.
#pragma once

#include "ropewalk/dist/group.h"
#include "ropewalk/dist/sharded_tensor.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk {

// Fills what this rank holds of every parameter from fp64, fp32, fp16 or bf16 safetensors through
// the family's weight map, and from those quantised as source.quantization says (MXFP4, FP8 in
// blocks), which are dequantised in fp32. Values are copied into the tensors' own memory; rows that
// the rank does not hold are not read, and no mapped file is kept. Missing, left-over and wrongly
// shaped tensors are all listed at once with file and tensor in one CheckpointError, and then no
// parameter has been changed.
void import_weights(const dist::NamedShardedTensors& weights,
                    const DecoderSpec& spec,
                    const HfModel& source);
// The same on all ranks: each checks the hashes of some of the files, and a failure of one is
// thrown on all. Collective.
void import_weights(const dist::NamedShardedTensors& weights,
                    const DecoderSpec& spec,
                    const HfModel& source,
                    dist::Group& ranks);
void import_weights(Decoder& decoder, const HfModel& source);

}  // namespace ropewalk

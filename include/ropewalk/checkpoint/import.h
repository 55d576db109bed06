// Weights of a Hugging Face directory into a decoder.
#pragma once

#include "ropewalk/model/decoder.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk {

// Fills every parameter from fp64, fp32, fp16 or bf16 safetensors through the family's weight map.
// Values are copied into the parameters' own memory; no mapped file is kept. Missing, left-over and
// wrongly shaped tensors are all listed at once with file and tensor in one CheckpointError, and
// then no parameter has been changed.
void import_weights(Decoder& decoder, const HfModel& source);

}  // namespace ropewalk

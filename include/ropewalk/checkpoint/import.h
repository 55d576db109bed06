// Weights of a Hugging Face directory into a decoder.
#pragma once

#include "ropewalk/model/decoder.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk {

// Fills every parameter from fp64, fp32, fp16 or bf16 safetensors through the family's weight map,
// and from those quantised as source.quantization says (MXFP4, FP8 in blocks), which are
// dequantised in fp32. Values are copied into the parameters' own memory; no mapped file is kept.
// Missing, left-over and wrongly shaped tensors are all listed at once with file and tensor in one
// CheckpointError, and then no parameter has been changed.
void import_weights(Decoder& decoder, const HfModel& source);

}  // namespace ropewalk

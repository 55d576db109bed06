// Whether the tensors of a model folder are those of the model that its config.json describes.
#pragma once

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/formats/model_files.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

// True for the types that weights are read from: F64, F32, F16, BF16.
bool is_weight_dtype(DType dtype);

// Every tensor that is missing, left over, of the wrong shape or of a type that weights cannot have
// becomes an error under its name, with its file. Data is not read.
Diagnostics check_weights(const ModelFiles& files, const DecoderSpec& spec);

}  // namespace ropewalk

// Whether the tensors of a model folder are those of the model that its config.json describes.
#pragma once

#include <optional>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/formats/model_files.h"
#include "ropewalk/spec/decoder_spec.h"
#include "ropewalk/spec/quantization.h"

namespace ropewalk {

// Every tensor that is missing, left over, of the wrong shape or of a type that it cannot have
// becomes an error under its name, with its file; so do the scales of quantised tensors. Data is
// not read.
Diagnostics check_weights(const ModelFiles& files,
                          const DecoderSpec& spec,
                          const std::optional<Quantization>& quantization);

}  // namespace ropewalk

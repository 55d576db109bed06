// config.json's quantization_config.
#pragma once

#include <optional>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "ropewalk/spec/quantization.h"

namespace ropewalk {

// Nothing when the config has none. A method that is not read, and every field that could change
// what the values are, is a fault; a remark says that weights are dequantised. `has_mxfp4`: MXFP4
// is defined for this model_type.
std::optional<Quantization> read_quantization(const Json& config,
                                              bool has_mxfp4,
                                              Diagnostics& diagnostics);

}  // namespace ropewalk

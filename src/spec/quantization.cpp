#include "ropewalk/spec/quantization.h"

namespace ropewalk {

std::string describe_quantization(const Quantization& quantization) {
  if (quantization.method == QuantizationMethod::kMxfp4) return "MXFP4";
  return "FP8 in blocks of " + std::to_string(quantization.block_rows) + " x " +
         std::to_string(quantization.block_columns);
}

}  // namespace ropewalk

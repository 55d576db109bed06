#include "spec/quantization_config.h"

#include <algorithm>
#include <vector>

#include "ropewalk/rope/json_values.h"
#include "spec/config_keys.h"

namespace ropewalk {
namespace {

constexpr const char* kQuantizationKey = "quantization_config";

// How transformers runs it, and lists of modules that only repeat what the files show.
const std::vector<std::string>& inert_fields() {
  static const std::vector<std::string> names = {
      "modules_to_not_convert", "ignored_layers", "dequantize"};
  return names;
}

Quantization read_mxfp4(const Json& fields, Diagnostics& found) {
  ConfigKeys keys;
  keys.read = {"quant_method"};
  keys.inert = inert_fields();
  check_config_keys(fields, keys, found);
  return {};
}

bool is_block_size(const Json& value) {
  return value.is_array() && value.size() == 2 &&
         std::all_of(value.begin(), value.end(), [](const Json& size) {
           return size.is_number_integer() && size.get<int64_t>() >= 1;
         });
}

Quantization read_fp8(const Json& fields, const JsonValues& values, Diagnostics& found) {
  ConfigKeys keys;
  keys.read = {"quant_method", "weight_block_size"};
  keys.inert = inert_fields();
  // scale_fmt only repeats the type that the scales have on disk. Activations are not quantised
  // here: how "dynamic" would scale them does not matter, while a static scheme brings scales of
  // its own.
  keys.neutral = {{"fmt", {"e4m3", "float8_e4m3fn"}},
                  {"scale_fmt", {"float", "ue8m0"}},
                  {"expert_dtype", {"fp8"}},
                  {"activation_scheme", {"dynamic"}},
                  {"modules_to_convert", {Json::array()}}};
  check_config_keys(fields, keys, found);
  Quantization quantization;
  quantization.method = QuantizationMethod::kFp8;
  const Json* size = values.find("weight_block_size");
  if (size != nullptr && is_block_size(*size)) {
    quantization.block_rows = (*size)[0].get<int64_t>();
    quantization.block_columns = (*size)[1].get<int64_t>();
  } else {
    values.fault("weight_block_size",
                 (size == nullptr ? "is missing" : "found " + size->dump()) +
                     "; expected [rows, columns] such as [128, 128]: FP8 with one scale for a "
                     "whole tensor or row is not read");
  }
  return quantization;
}

std::optional<Quantization> read_fields(const Json& fields, bool has_mxfp4, Diagnostics& found) {
  const JsonValues values(fields, "", found);
  const auto method = values.text("quant_method");
  if (method == "mxfp4" && has_mxfp4) return read_mxfp4(fields, found);
  if (method == "fp8") return read_fp8(fields, values, found);
  if (found.ok()) {
    values.fault("quant_method",
                 (method ? "found \"" + *method + "\"" : std::string("is missing")) +
                     "; read are \"mxfp4\" (of gpt_oss) and \"fp8\" in blocks (of any model_type). "
                     "Use an unquantised version of the checkpoint, or dequantise it with "
                     "transformers: dequantize(), then save_pretrained()");
  }
  return std::nullopt;
}

}  // namespace

std::optional<Quantization> read_quantization(const Json& config,
                                              bool has_mxfp4,
                                              Diagnostics& diagnostics) {
  const auto at = config.find(kQuantizationKey);
  if (at == config.end() || at->is_null()) return std::nullopt;
  if (!at->is_object()) {
    diagnostics.error(kQuantizationKey, "found " + at->dump() + "; expected an object");
    return std::nullopt;
  }
  Diagnostics found;
  const std::optional<Quantization> quantization = read_fields(*at, has_mxfp4, found);
  diagnostics.merge(found, kQuantizationKey);
  if (!found.ok()) return std::nullopt;
  diagnostics.warning(kQuantizationKey,
                      "weights that are stored as " + describe_quantization(*quantization) +
                          " are dequantised as they are read; checkpoints and exports hold plain "
                          "ones");
  return quantization;
}

}  // namespace ropewalk

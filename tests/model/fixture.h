// Small models whose logits and gradients transformers computed (scripts/make_model_fixtures.py).
#pragma once

#include <torch/types.h>
#include <torch/utils.h>

#include <memory>
#include <string>

#include "dist/test_device.h"
#include "ropewalk/base/json.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/spec/family.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk::testing {

class Fixture {
 public:
  explicit Fixture(const std::string& name)
      : file_(std::string(ROPEWALK_SOURCE_DIR) + "/tests/fixtures/" + name + ".safetensors") {}

  at::Tensor tensor(const std::string& name) const {
    const TensorInfo* info = file_.find(name);
    if (!info) throw std::runtime_error("fixture has no tensor " + name);
    const auto type = info->dtype == DType::kI64 ? at::kLong : at::kFloat;
    const auto bytes = file_.bytes(*info);
    return at::from_blob(const_cast<std::byte*>(bytes.data()), info->shape, type)
        .to(test_device(), type, /*non_blocking=*/false, /*copy=*/true);
  }

  DecoderSpec spec() const {
    const Json config = Json::parse(file_.metadata().at("config"));
    Diagnostics diagnostics;
    return find_family(config.at("model_type"), "fixture").from_hf(config, diagnostics).spec;
  }

  // Our parameter out of the fixture's tensors with this prefix ("weight/" or "grad/").
  at::Tensor joined(const std::string& prefix, const WeightEntry& entry) const {
    std::vector<at::Tensor> parts;
    for (const WeightSlice& slice : entry.slices)
      parts.push_back(tensor(prefix + slice.foreign_name));
    return at::cat(parts);
  }

  std::shared_ptr<Decoder> decoder(DecoderOptions options = {}) const {
    options.device = test_device();
    const DecoderSpec spec = this->spec();
    auto decoder = build_decoder(spec, options);
    at::NoGradGuard no_grad;
    auto parameters = decoder->named_parameters();
    for (const WeightEntry& entry : weight_map(spec)) {
      parameters[entry.name].copy_(joined("weight/", entry));
    }
    return decoder;
  }

 private:
  SafetensorsFile file_;
};

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kCPU, at::kDouble) - b.to(at::kCPU, at::kDouble)).abs().max().item<double>();
}

}  // namespace ropewalk::testing

// Parameters of a module, registered under their dotted names and found by them again.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ropewalk/ops/linear.h"
#include "ropewalk/spec/lora_spec.h"
#include "ropewalk/spec/parameters.h"

namespace ropewalk {

struct ParameterMemory {
  at::Device device = at::kCPU;
  bool none = false;  // trainable ones get shapes only
};

class ParameterTree {
 public:
  // Registers uninitialised fp32 tensors with `root` (or sub-modules of it, made as needed). What
  // is not trainable becomes a buffer.
  ParameterTree(torch::nn::Module& root,
                const std::vector<ParameterShape>& parameters,
                const ParameterMemory& memory,
                const std::optional<LoraSpec>& lora = std::nullopt);

  // Undefined when the model has no such parameter.
  at::Tensor get(const std::string& name) const;
  // name.weight and name.bias, with the low-rank updates that `lora` has for them.
  ops::LinearWeights linear(const std::string& name) const;

 private:
  std::unordered_map<std::string, at::Tensor> tensors_;
  std::optional<LoraSpec> lora_;
};

}  // namespace ropewalk

// A matrix with an optional bias, or a norm's vector: named parameters without behaviour.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "ropewalk/ops/linear.h"

namespace ropewalk {

class Weight : public torch::nn::Module {
 public:
  Weight(at::IntArrayRef shape, bool with_bias, at::Device device) {
    const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
    weight = register_parameter("weight", at::empty(shape, options));
    if (with_bias) bias = register_parameter("bias", at::empty({shape[0]}, options));
  }

  ops::LinearWeights linear() const { return {weight, bias}; }

  at::Tensor weight;
  at::Tensor bias;  // undefined if there is none
};

}  // namespace ropewalk

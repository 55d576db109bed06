// A norm over the hidden dimension, fused with the product behind it where there is an op for that.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <tuple>

#include "model/parameter_tree.h"
#include "ropewalk/ops/layer_norm.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

class Norm {
 public:
  // With the parameters name.weight and name.bias of the tree.
  Norm(const NormSpec& spec, const ParameterTree& tree, const std::string& name);

  at::Tensor operator()(const at::Tensor& x) const;
  // {linear(norm(x)), x}; go on with the second for the residual path.
  std::tuple<at::Tensor, at::Tensor> linear(const at::Tensor& x,
                                            const ops::LinearWeights& weights) const;
  // For each head's vector of x [B, T, H, Dh].
  at::Tensor heads(const at::Tensor& x_BTHD) const;

 private:
  at::Tensor weight() const;  // as it multiplies

  NormSpec spec_;
  at::Tensor stored_, bias_;
};

}  // namespace ropewalk

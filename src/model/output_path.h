// How what attention or an MLP gives is added to the residual path.
#pragma once

#include <optional>
#include <string>

#include "model/norm.h"
#include "ropewalk/ops/linear.h"

namespace ropewalk {

class OutputPath {
 public:
  // `norm_name`: the norm on what is added, if the spec has such norms.
  OutputPath(const DecoderSpec& spec, const ParameterTree& tree, const std::string& norm_name)
      : scale_(spec.residual_scale) {
    if (spec.post_norms) norm_.emplace(spec.norm, tree, norm_name);
  }

  // Added as it is, so that an op may fuse the addition.
  bool plain() const { return !norm_ && scale_ == 1.0; }

  // residual + scale * norm(y)
  at::Tensor add(const at::Tensor& residual_BTD, at::Tensor y_BTD) const {
    if (norm_) y_BTD = (*norm_)(y_BTD);
    return residual_BTD + (scale_ == 1.0 ? y_BTD : y_BTD * scale_);
  }
  at::Tensor add_linear(const at::Tensor& residual_BTD,
                        const at::Tensor& x,
                        const ops::LinearWeights& weights) const {
    if (plain()) return ops::linear_add(residual_BTD, x, weights);
    return add(residual_BTD, ops::linear(x, weights));
  }

 private:
  double scale_;
  std::optional<Norm> norm_;
};

}  // namespace ropewalk

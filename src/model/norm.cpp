#include "model/norm.h"

#include "ropewalk/ops/rms_norm.h"

namespace ropewalk {

Norm::Norm(const NormSpec& spec, const ParameterTree& tree, const std::string& name)
    : spec_(spec), stored_(tree.get(name + ".weight")), bias_(tree.get(name + ".bias")) {}

at::Tensor Norm::weight() const {
  return stored_.defined() && spec_.weight_offset != 0.0 ? stored_ + spec_.weight_offset : stored_;
}

at::Tensor Norm::operator()(const at::Tensor& x) const {
  if (spec_.kind == NormKind::kLayer) return ops::layer_norm(x, weight(), bias_, spec_.eps);
  const at::Tensor scale = weight();
  return ops::rms_norm(
      x,
      scale.defined() ? scale : at::ones({x.size(-1)}, x.options().dtype(at::kFloat)),
      spec_.eps);
}

std::tuple<at::Tensor, at::Tensor> Norm::linear(const at::Tensor& x,
                                                const ops::LinearWeights& weights) const {
  if (spec_.kind == NormKind::kRms && stored_.defined()) {
    return ops::norm_linear(x, weight(), spec_.eps, weights);
  }
  return {ops::linear((*this)(x), weights), x};
}

at::Tensor Norm::heads(const at::Tensor& x_BTHD) const {
  const int64_t heads = x_BTHD.size(2), dim = x_BTHD.size(3);
  const auto shaped = [&](const at::Tensor& values) {
    return values.defined() && values.numel() == heads * dim && heads > 1
               ? values.view({heads, dim})
               : values;
  };
  return ops::head_norm(
      x_BTHD, {shaped(weight()), shaped(bias_), spec_.eps, spec_.kind == NormKind::kLayer});
}

}  // namespace ropewalk

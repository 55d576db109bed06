// B batch, T tokens, D hidden size.
#include "model/mlp.h"

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

class DenseMlp final : public Mlp {
 public:
  DenseMlp(const DecoderSpec& spec, const ParameterTree& tree) : network_(spec, tree, "mlp") {}

  BlockOutputs add(const MlpInputs& in, const OutputPath& path) const override {
    auto [inner, residual_BTD] =
        in.norm ? in.norm->linear(in.x_BTD, network_.first())
                : std::tuple{ops::linear(in.x_BTD, network_.first()), in.x_BTD};
    if (in.residual_BTD.defined()) residual_BTD = in.residual_BTD;
    if (path.plain()) return {network_.second(residual_BTD, inner), {}};
    return {path.add(residual_BTD, network_.second({}, inner)), {}};
  }

 private:
  FeedForward network_;
};

}  // namespace

ops::Activation ops_activation(Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return ops::Activation::kSilu;
    case Activation::kGelu:
      return ops::Activation::kGelu;
    case Activation::kGeluTanh:
      return ops::Activation::kGeluTanh;
    case Activation::kRelu:
      return ops::Activation::kRelu;
    case Activation::kRelu2:
      return ops::Activation::kRelu2;
    case Activation::kXielu:
      break;
  }
  return ops::Activation::kSilu;
}

FeedForward::FeedForward(const DecoderSpec& spec,
                         const ParameterTree& tree,
                         const std::string& name)
    : gated_(spec.gated_mlp),
      xielu_(spec.activation == Activation::kXielu),
      activation_(ops_activation(spec.activation)),
      first_(tree.linear(name + (gated_ ? ".gate_up" : ".up"))),
      down_(tree.linear(name + ".down")),
      xielu_parameters_{tree.get(name + ".activation.alpha_p"),
                        tree.get(name + ".activation.alpha_n"),
                        tree.get(name + ".activation.beta"),
                        tree.get(name + ".activation.eps")} {
  ROPEWALK_CHECK(!(xielu_ && gated_), "xIELU has no gated form");
}

at::Tensor FeedForward::second(const at::Tensor& residual, const at::Tensor& inner) const {
  if (xielu_) {
    const at::Tensor active = ops::xielu(inner, xielu_parameters_);
    return residual.defined() ? ops::linear_add(residual, active, down_)
                              : ops::linear(active, down_);
  }
  if (!gated_) return ops::activated_linear_add(residual, inner, activation_, down_);
  return ops::gated_linear_add(residual, inner, activation_, down_);
}

std::unique_ptr<Mlp> make_mlp(const DecoderSpec& spec, int64_t layer, const ParameterTree& tree) {
  if (spec.layer(layer).experts) return make_experts(spec, tree);
  return std::make_unique<DenseMlp>(spec, tree);
}

}  // namespace ropewalk

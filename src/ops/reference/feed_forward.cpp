#include <ATen/ATen.h>

#include "ops/checks.h"
#include "ops/reference/reference.h"

namespace ropewalk::ops::reference {

at::Tensor activate(const at::Tensor& x, Activation activation) {
  const at::Tensor wide = x.to(compute_type(x));
  at::Tensor y;
  switch (activation) {
    case Activation::kSilu:
      y = wide * wide.sigmoid();
      break;
    case Activation::kGelu:
      y = wide * 0.5 * (1 + at::erf(wide * M_SQRT1_2));
      break;
    case Activation::kGeluTanh:
      y = wide * 0.5 * (1 + at::tanh((wide + 0.044715 * wide.pow(3)) * std::sqrt(2 / M_PI)));
      break;
    case Activation::kRelu:
      y = wide.clamp_min(0);
      break;
    case Activation::kRelu2:
      y = wide.clamp_min(0).square();
      break;
  }
  return y.to(x.scalar_type());
}

at::Tensor gated(const at::Tensor& gate_up, Activation activation) {
  const auto parts = gate_up.to(compute_type(gate_up)).chunk(2, -1);
  return (reference::activate(parts[0], activation) * parts[1]).to(gate_up.scalar_type());
}

at::Tensor xielu(const at::Tensor& x_any, const XieluParameters& parameters) {
  const at::Tensor x = x_any.to(compute_type(x_any));
  const at::Tensor a = at::softplus(parameters.alpha_p.to(x.scalar_type()));
  const at::Tensor beta = parameters.beta.to(x.scalar_type());
  const at::Tensor b = beta + at::softplus(parameters.alpha_n.to(x.scalar_type()));
  const at::Tensor eps = parameters.eps.to(x.scalar_type());
  return at::where(
             x.gt(0), a * x * x + beta * x, (at::expm1(at::minimum(x, eps)) - x) * b + beta * x)
      .to(x_any.scalar_type());
}

at::Tensor clamped_swiglu(const at::Tensor& gate_up, double alpha, double limit) {
  const auto parts = gate_up.to(compute_type(gate_up)).chunk(2, -1);
  const at::Tensor gate = parts[0].clamp_max(limit), up = parts[1].clamp(-limit, limit);
  return ((up + 1) * gate * at::sigmoid(gate * alpha)).to(gate_up.scalar_type());
}

at::Tensor experts(const at::Tensor& x_ND,
                   const Routing& routing,
                   const ExpertWeights& weights,
                   const ExpertOptions& options) {
  const auto row = [](const at::Tensor& x, int64_t e) {
    return x.defined() ? x.select(0, e) : at::Tensor();
  };
  at::Tensor sum = at::zeros_like(x_ND);
  for (int64_t e = 0; e < weights.gate_up.size(0); ++e) {
    const at::Tensor share =
        (routing.weights_NK * routing.experts_NK.eq(e)).sum(1, /*keepdim=*/true);
    const at::Tensor chosen = routing.experts_NK.eq(e).any(1, /*keepdim=*/true);
    const at::Tensor x = options.weight_before ? x_ND * share : x_ND;
    at::Tensor inner = linear(x, {row(weights.gate_up, e), row(weights.gate_up_bias, e)});
    if (options.clamp_limit > 0) {
      inner = reference::clamped_swiglu(inner, 1.702, options.clamp_limit);
    } else {
      inner = options.gated ? reference::gated(inner, options.activation)
                            : reference::activate(inner, options.activation);
    }
    const at::Tensor y = linear(inner, {row(weights.down, e), row(weights.down_bias, e)});
    sum = sum + (options.weight_before ? y * chosen : y * share);
  }
  return sum.to(x_ND.scalar_type());
}

at::Tensor load_balancing_loss(const std::vector<at::Tensor>& logits_NE, int64_t top_k) {
  const at::Tensor shares = at::cat(logits_NE).softmax(1);
  const int64_t experts = shares.size(1);
  const at::Tensor chosen = std::get<1>(shares.topk(top_k, 1));
  const at::Tensor mask = at::one_hot(chosen, experts).to(shares.scalar_type());  // [N, K, E]
  return (mask.mean(0) * shares.mean(0).unsqueeze(0)).sum() * experts;
}

}  // namespace ropewalk::ops::reference

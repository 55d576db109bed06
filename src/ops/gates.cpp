#include "ops/gates.h"

#include <ATen/ATen.h>

#include "ops/checks.h"
#include "ops/rows.h"

namespace ropewalk::ops::gates {
namespace {

at::Tensor slope_times(const at::Tensor& dy, const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return at::silu_backward(dy, x);
    case Activation::kGelu:
      return at::gelu_backward(dy, x, "none");
    case Activation::kGeluTanh:
      return at::gelu_backward(dy, x, "tanh");
    case Activation::kRelu:
      return at::threshold_backward(dy, x, 0);
    case Activation::kRelu2:
      return dy * at::relu(x).mul_(2);
  }
  ROPEWALK_CHECK(false, "unknown activation");
  return {};
}

// What both directions of a gate need, in the compute type.
struct GateParts {
  at::Tensor gate, up;  // as given
  at::Tensor value;     // of the gate's activation
  at::Tensor factor;    // what value is multiplied by
};

GateParts parts_of(const at::Tensor& gate_up, const Gate& g) {
  const auto halves = gate_up.to(compute_type(gate_up)).chunk(2, -1);
  GateParts out{halves[0], halves[1], {}, {}};
  if (g.limit > 0.0) {
    const at::Tensor gate = out.gate.clamp_max(g.limit);
    out.value = gate * at::sigmoid(gate * g.alpha);
    out.factor = out.up.clamp(-g.limit, g.limit).add_(1);
  } else {
    out.value = gates::activate(out.gate, g.activation);
    out.factor = out.up;
  }
  return out;
}

at::Tensor gate_grad(const at::Tensor& dvalue, const GateParts& parts, const Gate& g) {
  if (g.limit <= 0.0) return slope_times(dvalue, parts.gate, g.activation);
  // d(x s)/dx = s (1 + alpha x (1 - s)), s = sigmoid(alpha x); nothing beyond the limit.
  const at::Tensor x = parts.gate.clamp_max(g.limit), s = at::sigmoid(x * g.alpha);
  return (dvalue * s * (1 + g.alpha * x * (1 - s))).masked_fill_(parts.gate.gt(g.limit), 0);
}

}  // namespace

at::Tensor activate(const at::Tensor& x, Activation activation) {
  // ATen computes these in fp32 for bf16, rounding once.
  switch (activation) {
    case Activation::kSilu:
      return at::silu(x);
    case Activation::kGelu:
      return at::gelu(x, "none");
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kRelu2:
      return at::relu(x).square();
  }
  ROPEWALK_CHECK(false, "unknown activation");
  return {};
}

at::Tensor activate_backward(const at::Tensor& x,
                             at::Tensor& dy,
                             Activation activation,
                             bool want_y) {
  const at::Tensor out = slope_times(dy, x, activation);
  if (want_y) dy = gates::activate(x, activation);
  return out;
}

at::Tensor gated(const at::Tensor& gate_up, const Gate& gate) {
  if (gate.limit <= 0.0 && gate.activation == Activation::kSilu) return rows::swiglu(gate_up);
  const GateParts parts = parts_of(gate_up, gate);
  return (parts.value * parts.factor).to(gate_up.scalar_type());
}

at::Tensor gated_backward(const at::Tensor& gate_up,
                          at::Tensor& dy,
                          const Gate& gate,
                          bool want_y) {
  if (gate.limit <= 0.0 && gate.activation == Activation::kSilu) {
    return rows::swiglu_backward(gate_up, dy, want_y);
  }
  const GateParts parts = parts_of(gate_up, gate);
  const at::Tensor grad = dy.to(parts.gate.scalar_type());
  at::Tensor up_grad = grad * parts.value;
  if (gate.limit > 0.0) up_grad.masked_fill_(parts.up.abs().gt(gate.limit), 0);
  const at::Tensor out =
      at::cat({gate_grad(grad * parts.factor, parts, gate), up_grad}, -1).to(gate_up.scalar_type());
  if (want_y) dy = (parts.value * parts.factor).to(gate_up.scalar_type());
  return out;
}

}  // namespace ropewalk::ops::gates

#include "ropewalk/ops/activation.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/checks.h"
#include "ops/gates.h"
#include "ropewalk/ops/swiglu.h"

namespace ropewalk::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

void check_gate_up(const char* op, const at::Tensor& gate_up) {
  ROPEWALK_CHECK_ARGUMENT(gate_up.dim() >= 1 && gate_up.size(-1) % 2 == 0, op, "gate_up", gate_up);
}

class Gated : public torch::autograd::Function<Gated> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& gate_up, gates::Gate gate) {
    ctx->save_for_backward({gate_up});
    ctx->saved_data["activation"] = static_cast<int64_t>(gate.activation);
    ctx->saved_data["alpha"] = gate.alpha;
    ctx->saved_data["limit"] = gate.limit;
    return gates::gated(gate_up, gate);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const gates::Gate gate{static_cast<Activation>(ctx->saved_data["activation"].toInt()),
                           ctx->saved_data["alpha"].toDouble(),
                           ctx->saved_data["limit"].toDouble()};
    return {gates::gated_backward(ctx->get_saved_variables()[0], grads[0], gate, /*want_y=*/false),
            {}};
  }
};

}  // namespace

at::Tensor activate(const at::Tensor& x, Activation activation) {
  return gates::activate(x, activation);
}

at::Tensor gated(const at::Tensor& gate_up, Activation activation) {
  if (activation == Activation::kSilu) return swiglu(gate_up);
  check_gate_up("gated", gate_up);
  return Gated::apply(gate_up, gates::Gate{activation});
}

at::Tensor clamped_swiglu(const at::Tensor& gate_up, double alpha, double limit) {
  check_gate_up("clamped_swiglu", gate_up);
  ROPEWALK_CHECK(limit > 0.0, "clamped_swiglu: the limit must be positive");
  return Gated::apply(gate_up, gates::Gate{Activation::kSilu, alpha, limit});
}

}  // namespace ropewalk::ops

// Products behind an activation or a gate, whose result backward makes again.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/checks.h"
#include "ops/gates.h"
#include "ops/products.h"
#include "ropewalk/ops/linear.h"

namespace ropewalk::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

class ActivatedLinearAdd : public torch::autograd::Function<ActivatedLinearAdd> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const std::optional<at::Tensor>& residual,
                            const at::Tensor& x,
                            const at::Tensor& weight,
                            const std::optional<at::Tensor>& given_bias,
                            Activation activation,
                            bool is_gate) {
    const at::Tensor bias = given_bias.value_or(at::Tensor());
    ctx->save_for_backward({x, weight, bias});
    ctx->saved_data["activation"] = static_cast<int64_t>(activation);
    ctx->saved_data["is_gate"] = is_gate;
    ctx->saved_data["has_residual"] = residual.has_value();
    const at::Tensor inner =
        is_gate ? gates::gated(x, {activation}) : gates::activate(x, activation);
    return residual ? products::product_added(*residual, inner, weight, bias)
                    : products::product(inner, weight, bias);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2], &dy = grads[0];
    const auto activation = static_cast<Activation>(ctx->saved_data["activation"].toInt());
    // The optional inputs shift the indices of needs_input_grad, so the tensors are asked.
    const bool want_weight = weight.requires_grad();
    tensor_list out(6);
    if (ctx->saved_data["has_residual"].toBool()) out[0] = dy;
    at::Tensor inner = products::input_grad(dy, weight);  // its gradient first, then its value
    out[1] = ctx->saved_data["is_gate"].toBool()
                 ? gates::gated_backward(x, inner, {activation}, want_weight)
                 : gates::activate_backward(x, inner, activation, want_weight);
    if (want_weight) out[2] = products::weight_grad(dy, inner, weight);
    if (bias.defined() && bias.requires_grad()) out[3] = products::bias_grad(dy, bias);
    return out;
  }
};

at::Tensor maybe_added(const at::Tensor& residual, const at::Tensor& x, const LinearWeights& w) {
  return residual.defined() ? linear_add(residual, x, w) : linear(x, w);
}

void check(const char* op, int64_t width, const at::Tensor& residual, const LinearWeights& w) {
  ROPEWALK_CHECK_ARGUMENT(w.weight.dim() == 2 && w.weight.size(1) == width, op, "weight", w.weight);
  ROPEWALK_CHECK_ARGUMENT(
      !w.bias.defined() || w.bias.numel() == w.weight.size(0), op, "bias", w.bias);
  ROPEWALK_CHECK_ARGUMENT(
      !residual.defined() || residual.size(-1) == w.weight.size(0), op, "residual", residual);
}

}  // namespace

at::Tensor gated_linear_add(const at::Tensor& residual,
                            const at::Tensor& gate_up,
                            Activation activation,
                            const LinearWeights& w) {
  ROPEWALK_CHECK_ARGUMENT(gate_up.size(-1) % 2 == 0, "gated_linear_add", "gate_up", gate_up);
  check("gated_linear_add", gate_up.size(-1) / 2, residual, w);
  if (w.update) return maybe_added(residual, gated(gate_up, activation), w);
  if (activation == Activation::kSilu && residual.defined()) {
    return swiglu_linear_add(residual, gate_up, w);
  }
  return ActivatedLinearAdd::apply(products::optional(residual),
                                   gate_up,
                                   w.weight,
                                   products::optional(w.bias),
                                   activation,
                                   /*is_gate=*/true);
}

at::Tensor activated_linear_add(const at::Tensor& residual,
                                const at::Tensor& x,
                                Activation activation,
                                const LinearWeights& w) {
  check("activated_linear_add", x.size(-1), residual, w);
  if (w.update) return maybe_added(residual, activate(x, activation), w);
  return ActivatedLinearAdd::apply(products::optional(residual),
                                   x,
                                   w.weight,
                                   products::optional(w.bias),
                                   activation,
                                   /*is_gate=*/false);
}

}  // namespace ropewalk::ops

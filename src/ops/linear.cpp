#include "ropewalk/ops/linear.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/checks.h"
#include "ops/products.h"
#include "ops/rows.h"
#include "ropewalk/ops/rms_norm.h"
#include "ropewalk/ops/swiglu.h"

namespace ropewalk::ops {
namespace {

using products::bias_grad;
using products::input_grad;
using products::optional;
using products::product;
using products::product_added;
using products::weight_grad;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

void check_linear(const char* op, int64_t width, const LinearWeights& w) {
  ROPEWALK_CHECK_ARGUMENT(w.weight.dim() == 2 && w.weight.size(1) == width, op, "weight", w.weight);
  ROPEWALK_CHECK_ARGUMENT(
      !w.bias.defined() || w.bias.numel() == w.weight.size(0), op, "bias", w.bias);
}

at::Tensor updated(const at::Tensor& y, const at::Tensor& x, const LinearWeights& w) {
  return w.update ? add_low_rank(y, x, *w.update) : y;
}

class Linear : public torch::autograd::Function<Linear> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& x,
                            const at::Tensor& weight,
                            const std::optional<at::Tensor>& given_bias) {
    const at::Tensor bias = given_bias.value_or(at::Tensor());
    ctx->save_for_backward({x, weight, bias});
    return product(x, weight, bias);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor& dy = grads[0];
    tensor_list out(3);
    if (ctx->needs_input_grad(0)) out[0] = input_grad(dy, saved[1]);
    if (ctx->needs_input_grad(1)) out[1] = weight_grad(dy, saved[0], saved[1]);
    if (saved[2].defined() && ctx->needs_input_grad(2)) out[2] = bias_grad(dy, saved[2]);
    return out;
  }
};

class LinearAdd : public torch::autograd::Function<LinearAdd> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& residual,
                            const at::Tensor& x,
                            const at::Tensor& weight,
                            const std::optional<at::Tensor>& given_bias) {
    const at::Tensor bias = given_bias.value_or(at::Tensor());
    ctx->save_for_backward({x, weight, bias});
    return product_added(residual, x, weight, bias);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor& dy = grads[0];
    tensor_list out(4);
    out[0] = dy;
    if (ctx->needs_input_grad(1)) out[1] = input_grad(dy, saved[1]);
    if (ctx->needs_input_grad(2)) out[2] = weight_grad(dy, saved[0], saved[1]);
    if (saved[2].defined() && ctx->needs_input_grad(3)) out[3] = bias_grad(dy, saved[2]);
    return out;
  }
};

class NormLinear : public torch::autograd::Function<NormLinear> {
 public:
  static tensor_list forward(AutogradContext* ctx,
                             const at::Tensor& x,
                             const at::Tensor& norm_weight,
                             double eps,
                             const at::Tensor& weight,
                             const std::optional<at::Tensor>& given_bias) {
    const at::Tensor bias = given_bias.value_or(at::Tensor());
    const rows::NormForward norm = rows::rms_norm(x, {}, norm_weight, eps);
    ctx->save_for_backward({x, norm_weight, norm.rstd, weight, bias});
    ctx->set_materialize_grads(false);
    return {product(norm.y, weight, bias), x};
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    tensor_list out(5);
    out[0] = grads[1];
    if (!grads[0].defined()) return out;
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &dy = grads[0], &weight = saved[3], &bias = saved[4];
    auto norm = rows::rms_norm_backward({saved[0],
                                         saved[1],
                                         saved[2],
                                         input_grad(dy, weight),
                                         grads[1],
                                         /*want_normed=*/ctx->needs_input_grad(2),
                                         /*want_weight_grad=*/ctx->needs_input_grad(1)});
    out[0] = norm.dx;
    out[1] = norm.weight_grad;
    if (ctx->needs_input_grad(2)) out[3] = weight_grad(dy, norm.normed, weight);
    if (bias.defined() && ctx->needs_input_grad(3)) out[4] = bias_grad(dy, bias);
    return out;
  }
};

class SwigluLinearAdd : public torch::autograd::Function<SwigluLinearAdd> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& residual,
                            const at::Tensor& gate_up,
                            const at::Tensor& weight,
                            const std::optional<at::Tensor>& given_bias) {
    const at::Tensor bias = given_bias.value_or(at::Tensor());
    ctx->save_for_backward({gate_up, weight, bias});
    return product_added(residual, rows::swiglu(gate_up), weight, bias);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &dy = grads[0], &weight = saved[1], &bias = saved[2];
    tensor_list out(4);
    out[0] = dy;
    at::Tensor activated = input_grad(dy, weight);  // its gradient first, then its value
    out[1] = rows::swiglu_backward(saved[0], activated, /*want_y=*/ctx->needs_input_grad(2));
    if (ctx->needs_input_grad(2)) out[2] = weight_grad(dy, activated, weight);
    if (bias.defined() && ctx->needs_input_grad(3)) out[3] = bias_grad(dy, bias);
    return out;
  }
};

}  // namespace

at::Tensor linear(const at::Tensor& x, const LinearWeights& w) {
  check_linear("linear", x.size(-1), w);
  return updated(Linear::apply(x, w.weight, optional(w.bias)), x, w);
}

at::Tensor linear_add(const at::Tensor& residual, const at::Tensor& x, const LinearWeights& w) {
  check_linear("linear_add", x.size(-1), w);
  ROPEWALK_CHECK_ARGUMENT(
      residual.size(-1) == w.weight.size(0), "linear_add", "residual", residual);
  return updated(LinearAdd::apply(residual, x, w.weight, optional(w.bias)), x, w);
}

std::tuple<at::Tensor, at::Tensor> norm_linear(const at::Tensor& x,
                                               const at::Tensor& norm_weight,
                                               double eps,
                                               const LinearWeights& w) {
  check_linear("norm_linear", x.size(-1), w);
  ROPEWALK_CHECK_ARGUMENT(norm_weight.dim() == 1 && norm_weight.size(0) == x.size(-1),
                          "norm_linear",
                          "norm_weight",
                          norm_weight);
  if (w.update) return {linear(rms_norm(x, norm_weight, eps), w), x};
  auto out = NormLinear::apply(x, norm_weight, eps, w.weight, optional(w.bias));
  return {out[0], out[1]};
}

at::Tensor swiglu_linear_add(const at::Tensor& residual,
                             const at::Tensor& gate_up,
                             const LinearWeights& w) {
  check_linear("swiglu_linear_add", gate_up.size(-1) / 2, w);
  ROPEWALK_CHECK_ARGUMENT(gate_up.size(-1) % 2 == 0, "swiglu_linear_add", "gate_up", gate_up);
  if (w.update) return linear_add(residual, swiglu(gate_up), w);
  return SwigluLinearAdd::apply(residual, gate_up, w.weight, optional(w.bias));
}

}  // namespace ropewalk::ops

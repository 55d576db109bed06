#include "ropewalk/ops/rms_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/checks.h"
#include "ops/rows.h"

namespace ropewalk::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

void check_norm(const char* op, const at::Tensor& x, const at::Tensor& weight) {
  ROPEWALK_CHECK_ARGUMENT(x.dim() >= 1 && x.is_floating_point(), op, "x", x);
  ROPEWALK_CHECK_ARGUMENT(
      weight.defined() && weight.dim() == 1 && weight.size(0) == x.size(-1), op, "weight", weight);
}

class RmsNorm : public torch::autograd::Function<RmsNorm> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& x,
                            const at::Tensor& weight,
                            double eps) {
    const rows::NormForward out = rows::rms_norm(x, {}, weight, eps);
    ctx->save_for_backward({x, weight, out.rstd});
    return out.y;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    auto out = rows::rms_norm_backward(
        {saved[0], saved[1], saved[2], grads[0], {}, false, ctx->needs_input_grad(1)});
    return {out.dx, out.weight_grad, {}};
  }
};

class AddRmsNorm : public torch::autograd::Function<AddRmsNorm> {
 public:
  static tensor_list forward(AutogradContext* ctx,
                             const at::Tensor& residual,
                             const at::Tensor& delta,
                             const at::Tensor& weight,
                             double eps) {
    const rows::NormForward out = rows::rms_norm(residual, delta, weight, eps);
    ctx->save_for_backward({out.sum, weight, out.rstd});
    ctx->set_materialize_grads(false);
    return {out.y, out.sum};
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    if (!grads[0].defined()) return {grads[1], grads[1], {}, {}};
    const auto saved = ctx->get_saved_variables();
    auto out = rows::rms_norm_backward(
        {saved[0], saved[1], saved[2], grads[0], grads[1], false, ctx->needs_input_grad(2)});
    return {out.dx, out.dx, out.weight_grad, {}};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  if (!weight.defined()) {
    return rms_norm(x, at::ones({x.size(-1)}, x.options().dtype(compute_type(x))), eps);
  }
  check_norm("rms_norm", x, weight);
  return RmsNorm::apply(x, weight, eps);
}

std::tuple<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& residual,
                                                const at::Tensor& delta,
                                                const at::Tensor& weight,
                                                double eps) {
  check_norm("add_rms_norm", residual, weight);
  ROPEWALK_CHECK_ARGUMENT(delta.sizes() == residual.sizes(), "add_rms_norm", "delta", delta);
  auto out = AddRmsNorm::apply(residual, delta, weight, eps);
  return {out[0], out[1]};
}

}  // namespace ropewalk::ops

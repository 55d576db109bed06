#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/checks.h"
#include "ropewalk/ops/activation.h"

namespace ropewalk::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// What the negative branch multiplies by b.
at::Tensor below(const at::Tensor& x, const at::Tensor& eps) {
  return x.clamp_max(eps).expm1_().sub_(x);
}

class Xielu : public torch::autograd::Function<Xielu> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& x_any,
                            const at::Tensor& alpha_p,
                            const at::Tensor& alpha_n,
                            const at::Tensor& beta_any,
                            const at::Tensor& eps) {
    ctx->save_for_backward({x_any, alpha_p, alpha_n, beta_any, eps});
    const at::ScalarType type = compute_type(x_any);
    const at::Tensor x = x_any.to(type), beta = beta_any.to(type);
    const at::Tensor a = at::softplus(alpha_p.to(type));
    const at::Tensor b = at::softplus(alpha_n.to(type)) + beta;
    return at::where(x.gt(0), a * x.square(), below(x, eps.to(type)).mul_(b))
        .addcmul_(x, beta)
        .to(x_any.scalar_type());
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &x_any = saved[0], &alpha_p = saved[1], &alpha_n = saved[2];
    const at::ScalarType type = compute_type(x_any);
    const at::Tensor x = x_any.to(type), dy = grads[0].to(type), positive = x.gt(0);
    const at::Tensor p = alpha_p.to(type), n = alpha_n.to(type);
    const at::Tensor beta = saved[3].to(type), eps = saved[4].to(type);
    const at::Tensor a = at::softplus(p), b = at::softplus(n) + beta;
    const at::Tensor slope_below = x.exp().masked_fill_(x.gt(eps), 0).sub_(1).mul_(b);
    const at::Tensor dx = at::where(positive, 2 * a * x, slope_below).add_(beta).mul_(dy);
    const at::Tensor da = (dy * x.square()).masked_fill_(positive.logical_not(), 0).sum();
    const at::Tensor db = (dy * below(x, eps)).masked_fill_(positive, 0).sum();
    return {dx.to(x_any.scalar_type()),
            (da * p.sigmoid()).to(alpha_p.scalar_type()).view(alpha_p.sizes()),
            (db * n.sigmoid()).to(alpha_n.scalar_type()).view(alpha_n.sizes()),
            {},
            {}};
  }
};

}  // namespace

at::Tensor xielu(const at::Tensor& x, const XieluParameters& parameters) {
  const auto& [alpha_p, alpha_n, beta, eps] = parameters;
  ROPEWALK_CHECK_ARGUMENT(alpha_p.numel() == 1, "xielu", "alpha_p", alpha_p);
  ROPEWALK_CHECK_ARGUMENT(alpha_n.numel() == 1, "xielu", "alpha_n", alpha_n);
  ROPEWALK_CHECK_ARGUMENT(beta.numel() == 1, "xielu", "beta", beta);
  ROPEWALK_CHECK_ARGUMENT(eps.numel() == 1, "xielu", "eps", eps);
  return Xielu::apply(x, alpha_p, alpha_n, beta, eps);
}

}  // namespace ropewalk::ops

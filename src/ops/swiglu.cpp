#include "ropewalk/ops/swiglu.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/checks.h"
#include "ops/rows.h"

namespace ropewalk::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

class Swiglu : public torch::autograd::Function<Swiglu> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& gate_up) {
    ctx->save_for_backward({gate_up});
    return rows::swiglu(gate_up);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    return {rows::swiglu_backward(ctx->get_saved_variables()[0], grads[0], /*want_y=*/false)};
  }
};

}  // namespace

at::Tensor swiglu(const at::Tensor& gate_up) {
  ROPEWALK_CHECK_ARGUMENT(
      gate_up.dim() >= 1 && gate_up.size(-1) % 2 == 0, "swiglu", "gate_up", gate_up);
  return Swiglu::apply(gate_up);
}

}  // namespace ropewalk::ops

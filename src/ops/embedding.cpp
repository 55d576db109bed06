#include "ropewalk/ops/embedding.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/checks.h"

namespace ropewalk::ops {
namespace {

class Embedding : public torch::autograd::Function<Embedding> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* ctx,
                            const at::Tensor& weight_VD,
                            const at::Tensor& tokens,
                            at::ScalarType type) {
    ctx->save_for_backward({tokens});
    ctx->saved_data["rows"] = weight_VD.size(0);
    return at::embedding(weight_VD, tokens).to(type);
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* ctx,
                                               torch::autograd::tensor_list grads) {
    // The engine casts the sums to the weight's type.
    return {at::embedding_dense_backward(grads[0].to(compute_type(grads[0])),
                                         ctx->get_saved_variables()[0],
                                         ctx->saved_data["rows"].toInt(),
                                         /*padding_idx=*/-1,
                                         /*scale_grad_by_freq=*/false),
            {},
            {}};
  }
};

}  // namespace

at::Tensor embedding(const at::Tensor& weight_VD, const at::Tensor& tokens, at::ScalarType type) {
  ROPEWALK_CHECK_ARGUMENT(weight_VD.dim() == 2, "embedding", "weight", weight_VD);
  return Embedding::apply(weight_VD, tokens, type);
}

}  // namespace ropewalk::ops

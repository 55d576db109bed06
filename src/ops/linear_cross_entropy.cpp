#include "ropewalk/ops/linear_cross_entropy.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/checks.h"
#include "ops/rows.h"

namespace ropewalk::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Logits of one chunk: large enough for full speed of the products and for few passes over the
// weight's gradient, small beside the rest of a step.
constexpr int64_t kChunkLogits = int64_t{1} << 24;

int64_t chunk_size(int64_t chunk_tokens, int64_t vocab) {
  if (chunk_tokens > 0) return chunk_tokens;
  return std::clamp<int64_t>(kChunkLogits / vocab, 64, 2048);
}

void check_inputs(const char* op,
                  const at::Tensor& hidden,
                  const at::Tensor& weight,
                  const at::Tensor& targets) {
  ROPEWALK_CHECK_ARGUMENT(hidden.dim() == 2, op, "hidden", hidden);
  ROPEWALK_CHECK_ARGUMENT(
      weight.dim() == 2 && weight.size(1) == hidden.size(1), op, "weight", weight);
  ROPEWALK_CHECK_ARGUMENT(
      targets.dim() == 1 && targets.size(0) == hidden.size(0) && targets.scalar_type() == at::kLong,
      op,
      "targets",
      targets);
  if (!targets.device().is_cpu() || targets.numel() == 0) return;  // a device would have to wait
  const at::Tensor counted = targets.masked_select(targets.ne(kIgnoredTarget));
  if (counted.numel() == 0) return;
  const auto [low, high] = at::aminmax(counted);
  ROPEWALK_CHECK(low.item<int64_t>() >= 0 && high.item<int64_t>() < weight.size(0),
                 std::string(op) + ": targets lie in [" + std::to_string(low.item<int64_t>()) +
                     ", " + std::to_string(high.item<int64_t>()) + "], expected 0 to " +
                     std::to_string(weight.size(0) - 1));
}

struct Losses {
  at::Tensor nll_N;
  at::Tensor hidden_grad_ND;  // undefined where not wanted
  at::Tensor weight_grad_VD;
};

Losses run_chunks(const at::Tensor& hidden_ND,
                  const at::Tensor& weight_VD,
                  const at::Tensor& targets_N,
                  int64_t chunk,
                  bool want_hidden_grad,
                  bool want_weight_grad) {
  const int64_t tokens = hidden_ND.size(0);
  const at::Tensor weight = weight_VD.to(hidden_ND.scalar_type());
  const at::Tensor targets = targets_N.contiguous();
  Losses out;
  out.nll_N = at::empty({tokens}, hidden_ND.options().dtype(at::kFloat));
  if (want_hidden_grad) out.hidden_grad_ND = at::empty_like(hidden_ND);
  at::Tensor buffer = at::empty({std::min(chunk, tokens), weight.size(0)}, hidden_ND.options());
  for (int64_t begin = 0; begin < tokens; begin += chunk) {
    const int64_t count = std::min(chunk, tokens - begin);
    const at::Tensor hidden = hidden_ND.narrow(0, begin, count);
    at::Tensor logits = buffer.narrow(0, 0, count);
    at::mm_out(logits, hidden, weight.t());
    out.nll_N.narrow(0, begin, count)
        .copy_(rows::cross_entropy(
            logits, targets.narrow(0, begin, count), want_hidden_grad || want_weight_grad));
    if (want_hidden_grad) {
      at::Tensor grad = out.hidden_grad_ND.narrow(0, begin, count);
      at::mm_out(grad, logits, weight);
    }
    if (!want_weight_grad) continue;
    // Sums over chunks in the weight's own type (fp32), also when a chunk's product is bf16.
    if (!out.weight_grad_VD.defined()) {
      out.weight_grad_VD = at::mm(logits.t(), hidden).to(weight_VD.scalar_type());
    } else if (weight.scalar_type() == weight_VD.scalar_type()) {
      out.weight_grad_VD.addmm_(logits.t(), hidden);
    } else {
      out.weight_grad_VD.add_(at::mm(logits.t(), hidden));
    }
  }
  return out;
}

class LinearCrossEntropy : public torch::autograd::Function<LinearCrossEntropy> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& hidden_ND,
                            const at::Tensor& weight_VD,
                            const at::Tensor& targets_N,
                            int64_t chunk) {
    const Losses losses = run_chunks(hidden_ND,
                                     weight_VD,
                                     targets_N,
                                     chunk,
                                     hidden_ND.requires_grad(),
                                     weight_VD.requires_grad());
    // Neither inputs nor outputs, hence plain data, which backward can take out and scale in place:
    // the weight's gradient is the largest tensor of a step.
    ctx->saved_data["grads"] =
        c10::List<at::Tensor>({losses.hidden_grad_ND, losses.weight_grad_VD});
    // In double over tokens: the sum of a long sequence keeps its last digits.
    return losses.nll_N.sum(at::kDouble).to(at::kFloat);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto found = ctx->saved_data.find("grads");
    ROPEWALK_CHECK(
        found != ctx->saved_data.end(),
        "linear_cross_entropy: backward ran a second time; retain_graph is not supported");
    const std::vector<at::Tensor> saved = found->second.toTensorVector();
    ctx->saved_data.erase(found);
    tensor_list out(4);
    const at::Tensor& scale = grads[0];
    const bool is_one = scale.device().is_cpu() && scale.item<float>() == 1.0f;
    for (int i = 0; i < 2; ++i) {
      if (!saved[i].defined()) continue;
      out[i] = is_one ? saved[i] : saved[i].mul_(scale.to(saved[i].scalar_type()));
    }
    return out;
  }
};

}  // namespace

at::Tensor linear_cross_entropy(const at::Tensor& hidden_ND,
                                const at::Tensor& weight_VD,
                                const at::Tensor& targets_N,
                                int64_t chunk_tokens) {
  check_inputs("linear_cross_entropy", hidden_ND, weight_VD, targets_N);
  const int64_t chunk = chunk_size(chunk_tokens, weight_VD.size(0));
  const bool record = at::GradMode::is_enabled();
  if (!record || !(hidden_ND.requires_grad() || weight_VD.requires_grad())) {
    at::NoGradGuard no_grad;
    return run_chunks(hidden_ND, weight_VD, targets_N, chunk, false, false)
        .nll_N.sum(at::kDouble)
        .to(at::kFloat);
  }
  return LinearCrossEntropy::apply(hidden_ND, weight_VD, targets_N, chunk);
}

at::Tensor linear_token_nll(const at::Tensor& hidden_ND,
                            const at::Tensor& weight_VD,
                            const at::Tensor& targets_N,
                            int64_t chunk_tokens) {
  check_inputs("linear_token_nll", hidden_ND, weight_VD, targets_N);
  at::NoGradGuard no_grad;
  return run_chunks(hidden_ND,
                    weight_VD,
                    targets_N,
                    chunk_size(chunk_tokens, weight_VD.size(0)),
                    false,
                    false)
      .nll_N;
}

}  // namespace ropewalk::ops

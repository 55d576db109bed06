#include "ropewalk/ops/linear_cross_entropy.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/checks.h"
#include "ops/products.h"
#include "ops/rows.h"
#include "ropewalk/ops/linear.h"

namespace ropewalk::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Logits of one chunk: large enough for full speed of the products and for few passes over the
// weight's gradient, small beside the rest of a step.
constexpr int64_t kChunkLogits = int64_t{1} << 24;

int64_t chunk_size(const LogitOptions& options, int64_t vocab) {
  if (options.chunk_tokens > 0) return options.chunk_tokens;
  return std::clamp<int64_t>(kChunkLogits / vocab, 64, 2048);
}

void check_weight(const char* op,
                  const at::Tensor& hidden,
                  const at::Tensor& weight,
                  const LogitOptions& options) {
  ROPEWALK_CHECK_ARGUMENT(
      weight.dim() == 2 && weight.size(1) == hidden.size(-1), op, "weight", weight);
  const at::Tensor& bias = options.bias_V;
  ROPEWALK_CHECK_ARGUMENT(
      !bias.defined() || (bias.dim() == 1 && bias.size(0) == weight.size(0)), op, "bias", bias);
  ROPEWALK_CHECK(options.softcap >= 0.0, std::string(op) + ": softcap may not be negative");
}

void check_inputs(const char* op,
                  const at::Tensor& hidden,
                  const at::Tensor& weight,
                  const at::Tensor& targets,
                  const LogitOptions& options) {
  ROPEWALK_CHECK_ARGUMENT(hidden.dim() == 2, op, "hidden", hidden);
  check_weight(op, hidden, weight, options);
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

struct Wanted {
  bool hidden = false, weight = false, bias = false;
  bool any() const { return hidden || weight || bias; }
};

struct Losses {
  at::Tensor nll_N;
  at::Tensor hidden_grad_ND;  // undefined where not wanted
  at::Tensor weight_grad_VD;
  at::Tensor bias_grad_V;
};

// factor * (hidden W^T + bias) into `out`.
void product_out(at::Tensor& out,
                 const at::Tensor& hidden,
                 const at::Tensor& weight,
                 const at::Tensor& bias,
                 double factor) {
  if (bias.defined()) {
    at::addmm_out(out, bias, hidden, weight.t(), factor, factor);
  } else if (factor != 1.0) {
    at::addmm_out(out, out, hidden, weight.t(), 0.0, factor);
  } else {
    at::mm_out(out, hidden, weight.t());
  }
}

// logits / cap -> logits; returns the slope of that, in the compute type.
at::Tensor apply_softcap(at::Tensor& logits, double cap) {
  at::Tensor capped = at::tanh(logits.to(compute_type(logits)));
  logits.copy_(capped * cap);
  return capped.square_().neg_().add_(1.0);
}

at::ScalarType sum_type(const at::Tensor& weight) {
  return at::promote_types(weight.scalar_type(), at::kFloat);
}

// Adds a chunk to the gradients of weight and bias; `grad` is that of the chunk's logits. Sums over
// chunks are in fp32 (double for double), also when weight or product is bf16.
void add_weight_grads(Losses& out,
                      const at::Tensor& grad,
                      const at::Tensor& hidden,
                      const at::Tensor& weight_VD,
                      const Wanted& want) {
  if (want.bias) {
    const at::Tensor sum = grad.sum(0, /*keepdim=*/false, sum_type(weight_VD));
    out.bias_grad_V = out.bias_grad_V.defined() ? out.bias_grad_V.add_(sum) : sum;
  }
  if (!want.weight) return;
  if (!out.weight_grad_VD.defined()) {
    out.weight_grad_VD = at::mm(grad.t(), hidden).to(sum_type(weight_VD));
  } else if (grad.scalar_type() == out.weight_grad_VD.scalar_type()) {
    out.weight_grad_VD.addmm_(grad.t(), hidden);
  } else {
    out.weight_grad_VD.add_(at::mm(grad.t(), hidden));
  }
}

Losses run_chunks(const at::Tensor& hidden_ND,
                  const at::Tensor& weight_VD,
                  const at::Tensor& targets_N,
                  const LogitOptions& options,
                  const Wanted& want) {
  const int64_t tokens = hidden_ND.size(0), chunk = chunk_size(options, weight_VD.size(0));
  const double cap = options.softcap, factor = cap > 0.0 ? options.scale / cap : options.scale;
  const at::Tensor weight = weight_VD.to(hidden_ND.scalar_type());
  const at::Tensor bias =
      options.bias_V.defined() ? options.bias_V.to(hidden_ND.scalar_type()) : at::Tensor();
  const at::Tensor targets = targets_N.contiguous();
  Losses out;
  out.nll_N = at::empty({tokens}, hidden_ND.options().dtype(at::kFloat));
  if (want.hidden) out.hidden_grad_ND = at::empty_like(hidden_ND);
  at::Tensor buffer = at::empty({std::min(chunk, tokens), weight.size(0)}, hidden_ND.options());
  for (int64_t begin = 0; begin < tokens; begin += chunk) {
    const int64_t count = std::min(chunk, tokens - begin);
    const at::Tensor hidden = hidden_ND.narrow(0, begin, count);
    at::Tensor logits = buffer.narrow(0, 0, count);
    product_out(logits, hidden, weight, bias, factor);
    const at::Tensor slope = cap > 0.0 ? apply_softcap(logits, cap) : at::Tensor();
    out.nll_N.narrow(0, begin, count)
        .copy_(rows::cross_entropy(logits, targets.narrow(0, begin, count), want.any()));
    if (!want.any()) continue;
    if (slope.defined()) logits.mul_(slope);
    if (want.hidden) {
      at::Tensor grad = out.hidden_grad_ND.narrow(0, begin, count);
      at::mm_out(grad, logits, weight);
    }
    add_weight_grads(out, logits, hidden, weight_VD, want);
  }
  if (options.scale != 1.0) {
    for (const at::Tensor& grad : {out.hidden_grad_ND, out.weight_grad_VD, out.bias_grad_V}) {
      if (grad.defined()) grad.mul_(options.scale);
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
                            const std::optional<at::Tensor>& bias_V,
                            const LogitOptions& options) {
    const Wanted want{hidden_ND.requires_grad(),
                      weight_VD.requires_grad(),
                      bias_V.has_value() && bias_V->requires_grad()};
    const Losses losses = run_chunks(hidden_ND, weight_VD, targets_N, options, want);
    // Neither inputs nor outputs, hence plain data, which backward can take out and scale in place:
    // the weight's gradient is the largest tensor of a step.
    ctx->saved_data["grads"] =
        c10::List<at::Tensor>({losses.hidden_grad_ND, losses.weight_grad_VD, losses.bias_grad_V});
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
    const at::Tensor& scale = grads[0];
    const bool is_one = scale.device().is_cpu() && scale.item<float>() == 1.0f;
    const auto scaled = [&](const at::Tensor& grad) {
      return !grad.defined() || is_one ? grad : grad.mul_(scale.to(grad.scalar_type()));
    };
    // The engine casts the sums to the types of weight and bias.
    return {scaled(saved[0]), scaled(saved[1]), {}, scaled(saved[2]), {}};
  }
};

}  // namespace

at::Tensor linear_cross_entropy(const at::Tensor& hidden_ND,
                                const at::Tensor& weight_VD,
                                const at::Tensor& targets_N,
                                const LogitOptions& options) {
  check_inputs("linear_cross_entropy", hidden_ND, weight_VD, targets_N, options);
  const at::Tensor& bias = options.bias_V;
  const bool wanted = hidden_ND.requires_grad() || weight_VD.requires_grad() ||
                      (bias.defined() && bias.requires_grad());
  if (!at::GradMode::is_enabled() || !wanted) {
    return linear_token_nll(hidden_ND, weight_VD, targets_N, options)
        .sum(at::kDouble)
        .to(at::kFloat);
  }
  return LinearCrossEntropy::apply(
      hidden_ND, weight_VD, targets_N, products::optional(bias), options);
}

at::Tensor linear_token_nll(const at::Tensor& hidden_ND,
                            const at::Tensor& weight_VD,
                            const at::Tensor& targets_N,
                            const LogitOptions& options) {
  check_inputs("linear_token_nll", hidden_ND, weight_VD, targets_N, options);
  at::NoGradGuard no_grad;
  return run_chunks(hidden_ND, weight_VD, targets_N, options, {}).nll_N;
}

at::Tensor logits(const at::Tensor& hidden,
                  const at::Tensor& weight_VD,
                  const LogitOptions& options) {
  check_weight("logits", hidden, weight_VD, options);
  at::Tensor out = linear(hidden, {weight_VD, options.bias_V}).to(compute_type(hidden));
  if (options.scale != 1.0) out = out * options.scale;
  return options.softcap > 0.0 ? at::tanh(out / options.softcap) * options.softcap : out;
}

}  // namespace ropewalk::ops

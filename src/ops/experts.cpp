// N tokens, K experts per token, E experts, D hidden size, F inner size; M = N * K rows, sorted by
// expert.
#include "ropewalk/ops/experts.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/checks.h"
#include "ropewalk/ops/grouped_linear.h"

namespace ropewalk::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

constexpr double kClampedSwigluAlpha = 1.702;

// The order of the M rows: row i is choice `order[i]` = token * K + k, and choice c is row
// `place[c]`.
struct Order {
  at::Tensor order_M, place_M;
  int64_t choices;  // K
  std::vector<int64_t> rows_per_expert;
};

Order sort_by_expert(const at::Tensor& experts_NK, int64_t num_experts) {
  const at::Tensor flat = experts_NK.reshape({-1});
  Order out;
  out.order_M = std::get<1>(flat.sort(/*stable=*/true, 0, /*descending=*/false));
  out.place_M = at::empty_like(out.order_M);
  out.place_M.index_put_({out.order_M}, at::arange(flat.size(0), flat.options()));
  out.choices = experts_NK.size(1);
  const at::Tensor counts = at::bincount(flat, {}, num_experts).cpu();
  ROPEWALK_CHECK(counts.numel() == num_experts, "experts: a chosen expert does not exist");
  const int64_t* begin = counts.data_ptr<int64_t>();
  out.rows_per_expert.assign(begin, begin + num_experts);
  return out;
}

// Gathering rows of tokens and summing rows to tokens are each other's gradients. The sums run over
// a token's choices in their order, on every device, without atomics.
at::Tensor gather(const at::Tensor& tokens_ND, const Order& o) {
  return tokens_ND.index_select(0, o.order_M.floor_divide(o.choices));
}
at::Tensor sum(const at::Tensor& rows_MD, const Order& o) {
  return rows_MD.index_select(0, o.place_M)
      .view({rows_MD.size(0) / o.choices, o.choices, rows_MD.size(1)})
      .sum(1);  // in fp32 also for bf16
}

void keep(AutogradContext* ctx, const Order& o) {
  ctx->saved_data["order"] = o.order_M;
  ctx->saved_data["place"] = o.place_M;
  ctx->saved_data["choices"] = o.choices;
}
Order kept(AutogradContext* ctx) {
  return {ctx->saved_data["order"].toTensor(),
          ctx->saved_data["place"].toTensor(),
          ctx->saved_data["choices"].toInt(),
          {}};
}

class Gather : public torch::autograd::Function<Gather> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& tokens, const Order& order) {
    keep(ctx, order);
    return gather(tokens, order);
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    return {sum(grads[0], kept(ctx)), {}};
  }
};

class Sum : public torch::autograd::Function<Sum> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& rows, const Order& order) {
    keep(ctx, order);
    return sum(rows, order);
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    return {gather(grads[0], kept(ctx)), {}};
  }
};

void check_experts(const at::Tensor& x, const Routing& routing, const ExpertWeights& weights) {
  const char* op = "experts";
  const at::Tensor &chosen = routing.experts_NK, &shares = routing.weights_NK;
  ROPEWALK_CHECK_ARGUMENT(x.dim() == 2, op, "x", x);
  ROPEWALK_CHECK_ARGUMENT(
      chosen.dim() == 2 && chosen.size(0) == x.size(0) && chosen.scalar_type() == at::kLong,
      op,
      "experts",
      chosen);
  ROPEWALK_CHECK_ARGUMENT(shares.sizes() == chosen.sizes(), op, "weights", shares);
  ROPEWALK_CHECK_ARGUMENT(weights.down.dim() == 3 &&
                              weights.down.size(0) == weights.gate_up.size(0) &&
                              weights.down.size(1) == x.size(1),
                          op,
                          "down",
                          weights.down);
}

at::Tensor inner_activation(const at::Tensor& inner, const ExpertOptions& options) {
  if (options.clamp_limit > 0.0) {
    return clamped_swiglu(inner, kClampedSwigluAlpha, options.clamp_limit);
  }
  return options.gated ? gated(inner, options.activation) : activate(inner, options.activation);
}

}  // namespace

at::Tensor experts(const at::Tensor& x_ND,
                   const Routing& routing,
                   const ExpertWeights& weights,
                   const ExpertOptions& options) {
  check_experts(x_ND, routing, weights);
  const Order order = sort_by_expert(routing.experts_NK, weights.gate_up.size(0));
  const at::Tensor shares_M1 =
      routing.weights_NK.reshape({-1, 1}).to(x_ND.scalar_type()).index_select(0, order.order_M);
  at::Tensor rows_MD = Gather::apply(x_ND, order);
  if (options.weight_before) rows_MD = rows_MD * shares_M1;
  const at::Tensor inner =
      grouped_linear(rows_MD, weights.gate_up, weights.gate_up_bias, order.rows_per_expert);
  at::Tensor out_MD = grouped_linear(
      inner_activation(inner, options), weights.down, weights.down_bias, order.rows_per_expert);
  if (!options.weight_before) out_MD = out_MD * shares_M1;
  return Sum::apply(out_MD, order);
}

}  // namespace ropewalk::ops

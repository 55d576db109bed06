// Rotation of queries or keys alone, on the kernels that split a merged projection: one that holds
// no keys and values.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/checks.h"
#include "ops/cpu/dispatch.h"
#include "ops/reference/reference.h"
#include "ops/rotary_checks.h"
#include "ops/rows.h"
#include "ropewalk/ops/rotary.h"

namespace ropewalk::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

struct Rotation {
  RotaryTables tables;
  int64_t first_position;
  bool heads_first;
};

at::Tensor forward_rows(const at::Tensor& x, const Rotation& r) {
  if (!has_kernels(x)) {
    const at::Tensor x_BHTD = r.heads_first ? x : x.transpose(1, 2);
    return reference::apply_rotary(x_BHTD, r.tables, r.first_position).contiguous();
  }
  if (r.heads_first) {  // every head is a sequence of its own
    const HeadShape shape{1, 0, x.size(3)};
    return rows::split_rotary(x.flatten(0, 1), shape, r.tables, r.first_position)
        .q_BHTD.view(x.sizes());
  }
  const HeadShape shape{x.size(2), 0, x.size(3)};
  return rows::split_rotary(x.flatten(2), shape, r.tables, r.first_position).q_BHTD;
}

at::Tensor backward_rows(const at::Tensor& dy_BHTD, const Rotation& r) {
  if (!has_kernels(dy_BHTD)) {
    const RotaryTables back{r.tables.cos, r.tables.sin.neg(), r.tables.layout};
    const at::Tensor dx_BHTD = reference::apply_rotary(dy_BHTD, back, r.first_position);
    return r.heads_first ? dx_BHTD : dx_BHTD.transpose(1, 2);
  }
  const int64_t heads = dy_BHTD.size(1), head_dim = dy_BHTD.size(3);
  const at::Tensor q = r.heads_first ? dy_BHTD.flatten(0, 1).unsqueeze(1) : dy_BHTD;
  const at::Tensor none = q.narrow(1, 0, 0);
  const at::Tensor dx = rows::split_rotary_backward(
      {q, none, none}, {r.heads_first ? 1 : heads, 0, head_dim}, r.tables, r.first_position);
  return r.heads_first ? dx.view(dy_BHTD.sizes()) : dx.unflatten(2, {heads, head_dim});
}

class Rotate : public torch::autograd::Function<Rotate> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const Rotation& r) {
    // Constants, kept as plain data: see SplitRotary.
    ctx->saved_data["cos"] = r.tables.cos;
    ctx->saved_data["sin"] = r.tables.sin;
    ctx->saved_data["interleaved"] = r.tables.layout == RotaryLayout::kInterleaved;
    ctx->saved_data["first_position"] = r.first_position;
    ctx->saved_data["heads_first"] = r.heads_first;
    return forward_rows(x, r);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    auto& saved = ctx->saved_data;
    const Rotation r{
        {saved["cos"].toTensor(),
         saved["sin"].toTensor(),
         saved["interleaved"].toBool() ? RotaryLayout::kInterleaved : RotaryLayout::kHalf},
        saved["first_position"].toInt(),
        saved["heads_first"].toBool()};
    return {backward_rows(grads[0], r), {}};
  }
};

}  // namespace

at::Tensor rotate(const at::Tensor& x,
                  HeadOrder order,
                  const RotaryTables& tables,
                  int64_t first_position) {
  ROPEWALK_CHECK_ARGUMENT(x.dim() == 4, "rotate", "x", x);
  const bool heads_first = order == HeadOrder::kHeadsFirst;
  const int64_t tokens = x.size(heads_first ? 2 : 1);
  check_tables("rotate", tables, x.size(3), first_position + tokens);
  if (!tables.cos.defined()) return (heads_first ? x : x.transpose(1, 2)).contiguous();
  return Rotate::apply(x, Rotation{tables, first_position, heads_first});
}

}  // namespace ropewalk::ops

#include "ropewalk/ops/rotary.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/checks.h"
#include "ops/reference/reference.h"
#include "ops/rotary_checks.h"
#include "ops/rows.h"

namespace ropewalk::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

class SplitRotary : public torch::autograd::Function<SplitRotary> {
 public:
  static tensor_list forward(AutogradContext* ctx,
                             const at::Tensor& qkv_BTE,
                             HeadShape shape,
                             const RotaryTables& tables,
                             int64_t first_position) {
    // The tables are constants: kept as plain data so that rebuilding them (set_rope makes new
    // tensors) never disturbs a graph in flight.
    ctx->saved_data["cos"] = tables.cos;
    ctx->saved_data["sin"] = tables.sin;
    ctx->saved_data["interleaved"] = tables.layout == RotaryLayout::kInterleaved;
    ctx->saved_data["shape"] =
        std::vector<int64_t>{shape.num_heads, shape.num_kv_heads, shape.head_dim, first_position};
    Heads out = rows::split_rotary(qkv_BTE, shape, tables, first_position);
    return {out.q_BHTD, out.k_BHTD, out.v_BHTD};
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto shape = ctx->saved_data["shape"].toIntVector();
    const RotaryTables tables{
        ctx->saved_data["cos"].toTensor(),
        ctx->saved_data["sin"].toTensor(),
        ctx->saved_data["interleaved"].toBool() ? RotaryLayout::kInterleaved : RotaryLayout::kHalf};
    return {rows::split_rotary_backward(
                {grads[0], grads[1], grads[2]}, {shape[0], shape[1], shape[2]}, tables, shape[3]),
            {},
            {},
            {}};
  }
};

}  // namespace

Heads split_rotary(const at::Tensor& qkv_BTE,
                   const HeadShape& shape,
                   const RotaryTables& tables,
                   int64_t first_position) {
  ROPEWALK_CHECK_ARGUMENT(
      qkv_BTE.dim() == 3 &&
          qkv_BTE.size(2) == (shape.num_heads + 2 * shape.num_kv_heads) * shape.head_dim,
      "split_rotary",
      "qkv",
      qkv_BTE);
  check_tables("split_rotary", tables, shape.head_dim, first_position + qkv_BTE.size(1));
  auto out = SplitRotary::apply(qkv_BTE, shape, tables, first_position);
  return {out[0], out[1], out[2]};
}

at::Tensor apply_rotary(const at::Tensor& x_BHTD,
                        const RotaryTables& tables,
                        int64_t first_position) {
  ROPEWALK_CHECK_ARGUMENT(x_BHTD.dim() == 4, "apply_rotary", "x", x_BHTD);
  check_tables("apply_rotary", tables, x_BHTD.size(3), first_position + x_BHTD.size(2));
  return reference::apply_rotary(x_BHTD, tables, first_position);
}

}  // namespace ropewalk::ops

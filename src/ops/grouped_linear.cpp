#include "ropewalk/ops/grouped_linear.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <numeric>

#include "ops/checks.h"
#include "ops/products.h"

namespace ropewalk::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// body(group, first row, rows) for the groups that have rows.
template <typename Body>
void for_groups(const std::vector<int64_t>& rows_per_group, Body body) {
  int64_t begin = 0;
  for (size_t group = 0; group < rows_per_group.size(); ++group) {
    const int64_t rows = rows_per_group[group];
    if (rows > 0) body(static_cast<int64_t>(group), begin, rows);
    begin += rows;
  }
}

class GroupedLinear : public torch::autograd::Function<GroupedLinear> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& x,
                            const at::Tensor& weight,
                            const std::optional<at::Tensor>& given_bias,
                            const std::vector<int64_t>& rows_per_group) {
    const at::Tensor bias = given_bias.value_or(at::Tensor());
    ctx->save_for_backward({x, weight, bias});
    ctx->saved_data["rows"] = rows_per_group;
    const at::ScalarType type = x.scalar_type();
    const at::Tensor y = at::empty({x.size(0), weight.size(1)}, x.options());
    for_groups(rows_per_group, [&](int64_t group, int64_t begin, int64_t rows) {
      at::Tensor out = y.narrow(0, begin, rows);
      const at::Tensor transposed = weight.select(0, group).to(type).t();
      if (bias.defined()) {
        at::addmm_out(out, bias.select(0, group).to(type), x.narrow(0, begin, rows), transposed);
      } else {
        at::mm_out(out, x.narrow(0, begin, rows), transposed);
      }
    });
    return y;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2];
    const at::Tensor dy_all = grads[0].contiguous();
    tensor_list out(4);
    if (x.requires_grad()) out[0] = at::empty_like(x, at::MemoryFormat::Contiguous);
    if (weight.requires_grad()) out[1] = at::zeros(weight.sizes(), weight.options());
    if (bias.defined() && bias.requires_grad()) out[2] = at::zeros(bias.sizes(), bias.options());
    for_groups(ctx->saved_data["rows"].toIntVector(), [&](int64_t g, int64_t begin, int64_t rows) {
      const at::Tensor dy = dy_all.narrow(0, begin, rows), part = x.narrow(0, begin, rows);
      if (out[0].defined()) {
        at::Tensor dx = out[0].narrow(0, begin, rows);
        at::mm_out(dx, dy, weight.select(0, g).to(dy.scalar_type()));
      }
      if (out[1].defined()) {
        at::Tensor dw = out[1].select(0, g);
        if (dw.scalar_type() == dy.scalar_type()) {
          at::mm_out(dw, dy.t(), part);
        } else {
          dw.copy_(at::mm(dy.t(), part));
        }
      }
      if (out[2].defined()) out[2].select(0, g).copy_(dy.sum(0, false, bias.scalar_type()));
    });
    return out;
  }
};

}  // namespace

at::Tensor grouped_linear(const at::Tensor& x_ND,
                          const at::Tensor& weight_EOD,
                          const at::Tensor& bias_EO,
                          const std::vector<int64_t>& rows_per_group) {
  const char* op = "grouped_linear";
  ROPEWALK_CHECK_ARGUMENT(x_ND.dim() == 2, op, "x", x_ND);
  ROPEWALK_CHECK_ARGUMENT(
      weight_EOD.dim() == 3 && weight_EOD.size(2) == x_ND.size(1), op, "weight", weight_EOD);
  ROPEWALK_CHECK_ARGUMENT(
      !bias_EO.defined() || bias_EO.sizes() == weight_EOD.sizes().slice(0, 2), op, "bias", bias_EO);
  const int64_t rows = std::accumulate(rows_per_group.begin(), rows_per_group.end(), int64_t{0});
  ROPEWALK_CHECK(
      static_cast<int64_t>(rows_per_group.size()) == weight_EOD.size(0) && rows == x_ND.size(0),
      "grouped_linear: the groups' rows do not fit x and weight");
  return GroupedLinear::apply(x_ND, weight_EOD, products::optional(bias_EO), rows_per_group);
}

}  // namespace ropewalk::ops

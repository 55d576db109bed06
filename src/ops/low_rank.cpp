// N tokens, R rank, S parts * R, I in, O rows of all parts.
#include "ropewalk/ops/low_rank.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/checks.h"
#include "ops/products.h"

namespace ropewalk::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Calls visit(part's columns of a [N, out] matrix, its R columns of [N, S], its rows of B).
template <typename Visit>
void for_each_part(const std::vector<int64_t>& borders, int64_t rank, Visit visit) {
  int64_t row = 0;
  for (size_t i = 0; 2 * i < borders.size(); ++i) {
    const int64_t begin = borders[2 * i], count = borders[2 * i + 1] - begin;
    visit([=](const at::Tensor& y_NO) { return y_NO.narrow(1, begin, count); },
          [=](const at::Tensor& h_NS) {
            return h_NS.narrow(1, static_cast<int64_t>(i) * rank, rank);
          },
          [=](const at::Tensor& b_OR) { return b_OR.narrow(0, row, count); });
    row += count;
  }
}

class AddLowRank : public torch::autograd::Function<AddLowRank> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& y,
                            const at::Tensor& x,
                            const at::Tensor& a_SI,
                            const at::Tensor& b_OR,
                            const std::vector<int64_t>& borders,
                            double scale) {
    const at::Tensor h_NS = products::flat(products::product(x, a_SI, {}));
    const at::Tensor b = b_OR.to(x.scalar_type());
    // A copy: autograd forbids a change in place of what another function made.
    const at::Tensor sum = y.clone(at::MemoryFormat::Contiguous), sum_NO = products::flat(sum);
    for_each_part(borders, b.size(1), [&](auto columns, auto inner, auto rows) {
      columns(sum_NO).addmm_(inner(h_NS), rows(b).t(), 1.0, scale);
    });
    ctx->save_for_backward({x, h_NS, a_SI, b_OR});
    ctx->saved_data["borders"] = borders;
    ctx->saved_data["scale"] = scale;
    return sum;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &h_NS = saved[1], &a_SI = saved[2], &b_OR = saved[3];
    const std::vector<int64_t> borders = ctx->saved_data["borders"].toIntVector();
    const double scale = ctx->saved_data["scale"].toDouble();
    const at::Tensor dy_NO = products::flat(grads[0]);
    const at::Tensor b = b_OR.to(dy_NO.scalar_type());
    at::Tensor dh_NS = at::empty_like(h_NS), db_OR = at::empty_like(b_OR);
    for_each_part(borders, b.size(1), [&](auto columns, auto inner, auto rows) {
      inner(dh_NS).copy_(at::mm(columns(dy_NO), rows(b)).mul_(scale));
      rows(db_OR).copy_(at::mm(columns(dy_NO).t(), inner(h_NS)).mul_(scale));
    });
    tensor_list out(6);
    out[0] = grads[0];
    if (ctx->needs_input_grad(1)) out[1] = products::input_grad(dh_NS, a_SI).view(x.sizes());
    if (ctx->needs_input_grad(2)) out[2] = products::weight_grad(dh_NS, x, a_SI);
    if (ctx->needs_input_grad(3)) out[3] = db_OR;
    return out;
  }
};

std::vector<int64_t> borders_of(const LowRank& update) {
  std::vector<int64_t> borders;
  for (const LowRank::Columns& part : update.parts) {
    borders.insert(borders.end(), {part.begin, part.end});
  }
  return borders;
}

}  // namespace

at::Tensor add_low_rank(const at::Tensor& y, const at::Tensor& x, const LowRank& update) {
  const int64_t parts = std::ssize(update.parts);
  ROPEWALK_CHECK_ARGUMENT(update.a_SI.dim() == 2 && update.a_SI.size(1) == x.size(-1) &&
                              update.a_SI.size(0) == parts * update.b_OR.size(1),
                          "add_low_rank",
                          "a",
                          update.a_SI);
  return AddLowRank::apply(y, x, update.a_SI, update.b_OR, borders_of(update), update.scale);
}

}  // namespace ropewalk::ops

#include "ropewalk/ops/layer_norm.h"

#include <ATen/ATen.h>

#include "ops/checks.h"
#include "ropewalk/ops/rms_norm.h"

namespace ropewalk::ops {
namespace {

void check_row(const char* op, const char* name, const at::Tensor& row, const at::Tensor& x) {
  ROPEWALK_CHECK_ARGUMENT(
      !row.defined() || (row.dim() == 1 && row.size(0) == x.size(-1)), op, name, row);
}

std::optional<at::Tensor> to_type(const at::Tensor& x, at::ScalarType type) {
  return x.defined() ? std::optional<at::Tensor>(x.to(type)) : std::nullopt;
}

}  // namespace

at::Tensor layer_norm(const at::Tensor& x,
                      const at::Tensor& weight,
                      const at::Tensor& bias,
                      double eps) {
  ROPEWALK_CHECK_ARGUMENT(x.dim() >= 1 && x.is_floating_point(), "layer_norm", "x", x);
  check_row("layer_norm", "weight", weight, x);
  check_row("layer_norm", "bias", bias, x);
  // ATen's CPU kernel takes bf16 rows with an fp32 weight as they are, but no fp32 bias alone;
  // elsewhere all have one type.
  const at::ScalarType type = compute_type(x);
  const bool mixed = x.device().is_cpu() && (weight.defined() || !bias.defined());
  const at::Tensor rows = mixed ? x.contiguous() : x.to(type).contiguous();
  return std::get<0>(at::native_layer_norm(
                         rows, {x.size(-1)}, to_type(weight, type), to_type(bias, type), eps))
      .to(x.scalar_type());
}

at::Tensor head_norm(const at::Tensor& x_BTHD, const HeadNorm& norm) {
  const char* op = "head_norm";
  ROPEWALK_CHECK_ARGUMENT(x_BTHD.dim() == 4, op, "x", x_BTHD);
  const auto is_per_head = [](const at::Tensor& w) { return w.defined() && w.dim() == 2; };
  const auto check = [&](const char* name, const at::Tensor& w) {
    const bool fits = !is_per_head(w) || w.sizes() == x_BTHD.sizes().slice(2);
    ROPEWALK_CHECK_ARGUMENT(fits, op, name, w);
  };
  check("weight", norm.weight);
  check("bias", norm.bias);
  // The norms know one weight for all rows: what differs by head is applied after them.
  const bool split = is_per_head(norm.weight) || is_per_head(norm.bias);
  const at::Tensor weight = split ? at::Tensor() : norm.weight;
  const at::Tensor bias = split || !norm.centred ? at::Tensor() : norm.bias;
  at::Tensor y = norm.centred ? layer_norm(x_BTHD, weight, bias, norm.eps)
                              : rms_norm(x_BTHD, weight, norm.eps);
  if (!split && (norm.centred || !norm.bias.defined())) return y;
  const at::ScalarType type = compute_type(y);
  y = y.to(type);
  if (split && norm.weight.defined()) y = y * norm.weight.to(type);
  if (norm.bias.defined()) y = y + norm.bias.to(type);
  return y.to(x_BTHD.scalar_type());
}

}  // namespace ropewalk::ops

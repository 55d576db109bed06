#include "ops/reference/reference.h"

#include <ATen/ATen.h>

#include "ops/checks.h"
#include "ropewalk/ops/linear_cross_entropy.h"

namespace ropewalk::ops::reference {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.to(compute_type(x));
  const at::Tensor rstd = (wide.square().mean(-1, /*keepdim=*/true) + eps).rsqrt();
  return (wide * rstd * weight.to(wide.scalar_type())).to(x.scalar_type());
}

at::Tensor swiglu(const at::Tensor& gate_up) {
  const at::Tensor wide = gate_up.to(compute_type(gate_up));
  const auto parts = wide.chunk(2, -1);
  return (at::silu(parts[0]) * parts[1]).to(gate_up.scalar_type());
}

at::Tensor linear(const at::Tensor& x, const LinearWeights& w) {
  const at::Tensor y = at::matmul(x, w.weight.to(x.scalar_type()).t());
  return w.bias.defined() ? y + w.bias.to(x.scalar_type()) : y;
}

at::Tensor apply_rotary(const at::Tensor& x_BHTD,
                        const RotaryTables& tables,
                        int64_t first_position) {
  if (!tables.cos.defined()) return x_BHTD;
  const int64_t tokens = x_BHTD.size(2), half = tables.cos.size(1);
  const at::Tensor wide = x_BHTD.to(compute_type(x_BHTD));
  const at::Tensor cos = tables.cos.narrow(0, first_position, tokens).to(wide.scalar_type());
  const at::Tensor sin = tables.sin.narrow(0, first_position, tokens).to(wide.scalar_type());
  const at::Tensor turned = wide.narrow(-1, 0, 2 * half);
  const at::Tensor rest = wide.narrow(-1, 2 * half, wide.size(-1) - 2 * half);
  at::Tensor out;
  if (tables.layout == RotaryLayout::kHalf) {
    const at::Tensor x = turned.narrow(-1, 0, half), y = turned.narrow(-1, half, half);
    out = at::cat({x * cos - y * sin, y * cos + x * sin}, -1);
  } else {
    const at::Tensor pairs = turned.unflatten(-1, {half, 2});
    const at::Tensor x = pairs.select(-1, 0), y = pairs.select(-1, 1);
    out = at::stack({x * cos - y * sin, y * cos + x * sin}, -1).flatten(-2);
  }
  return at::cat({out, rest}, -1).to(x_BHTD.scalar_type());
}

Heads split_rotary(const at::Tensor& qkv_BTE,
                   const HeadShape& shape,
                   const RotaryTables& tables,
                   int64_t first_position) {
  const int64_t q_width = shape.num_heads * shape.head_dim;
  const int64_t kv_width = shape.num_kv_heads * shape.head_dim;
  const auto parts = qkv_BTE.split_with_sizes({q_width, kv_width, kv_width}, -1);
  const auto heads = [&](const at::Tensor& x) {
    return x.unflatten(-1, {-1, shape.head_dim}).transpose(1, 2);
  };
  return {reference::apply_rotary(heads(parts[0]), tables, first_position).contiguous(),
          reference::apply_rotary(heads(parts[1]), tables, first_position).contiguous(),
          heads(parts[2]).contiguous()};
}

at::Tensor causal_attention(const at::Tensor& q_BHTD,
                            const at::Tensor& k_BHTD,
                            const at::Tensor& v_BHTE,
                            const AttentionOptions& options) {
  const int64_t group = q_BHTD.size(1) / k_BHTD.size(1);
  const int64_t queries = q_BHTD.size(2), keys = k_BHTD.size(2);
  const at::ScalarType type = compute_type(q_BHTD);
  const at::Tensor k = k_BHTD.to(type).repeat_interleave(group, 1);
  const at::Tensor v = v_BHTE.to(type).repeat_interleave(group, 1);
  at::Tensor scores = at::matmul(q_BHTD.to(type), k.transpose(-1, -2)) * options.scale;
  if (options.softcap > 0) scores = at::tanh(scores / options.softcap) * options.softcap;
  // A query's position less a key's.
  const at::Tensor distance = at::arange(keys - queries, keys).unsqueeze(1) - at::arange(keys);
  at::Tensor hidden = distance.lt(0);
  if (options.window > 0) hidden = hidden.logical_or(distance.ge(options.window));
  scores = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
  if (options.sinks_H.defined()) {
    const at::Tensor sinks = options.sinks_H.to(type).view({1, -1, 1, 1});
    scores = at::cat({scores, sinks.expand({scores.size(0), -1, queries, 1})}, -1);
  }
  const at::Tensor weights = scores.softmax(-1).narrow(-1, 0, keys);
  return at::matmul(weights, v).transpose(1, 2).flatten(2).to(q_BHTD.scalar_type());
}

at::Tensor linear_cross_entropy(const at::Tensor& hidden_ND,
                                const at::Tensor& weight_VD,
                                const at::Tensor& targets_N,
                                const LogitOptions& options) {
  at::Tensor logits = linear(hidden_ND, {weight_VD, options.bias_V}).to(compute_type(hidden_ND));
  logits = logits * options.scale;
  if (options.softcap > 0) logits = at::tanh(logits / options.softcap) * options.softcap;
  return at::cross_entropy_loss(logits, targets_N, {}, at::Reduction::Sum, kIgnoredTarget);
}

at::Tensor layer_norm(const at::Tensor& x,
                      const at::Tensor& weight,
                      const at::Tensor& bias,
                      double eps) {
  const at::Tensor wide = x.to(compute_type(x));
  const at::Tensor centred = wide - wide.mean(-1, /*keepdim=*/true);
  at::Tensor y = centred * (centred.square().mean(-1, /*keepdim=*/true) + eps).rsqrt();
  if (weight.defined()) y = y * weight.to(y.scalar_type());
  if (bias.defined()) y = y + bias.to(y.scalar_type());
  return y.to(x.scalar_type());
}

at::Tensor head_norm(const at::Tensor& x_BTHD, const HeadNorm& norm) {
  const at::Tensor wide = x_BTHD.to(compute_type(x_BTHD));
  at::Tensor y = norm.centred ? layer_norm(wide, {}, {}, norm.eps)
                              : rms_norm(wide, at::ones({wide.size(-1)}, wide.options()), norm.eps);
  if (norm.weight.defined()) y = y * norm.weight.to(y.scalar_type());
  if (norm.bias.defined()) y = y + norm.bias.to(y.scalar_type());
  return y.to(x_BTHD.scalar_type());
}

}  // namespace ropewalk::ops::reference

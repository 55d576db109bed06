// Attention to all keys before a query.
#include "ops/cpu/attention.h"

#include <ATen/ATen.h>

#include "ops/attention_paths.h"
#include "ops/checks.h"

namespace ropewalk::ops::attention {
namespace {

// [B, H, Tq, Dh] without a mask, or with one, or causal over a square.
at::Tensor attend(const at::Tensor& q,
                  const at::Tensor& k,
                  const at::Tensor& v,
                  bool causal,
                  const std::optional<at::Tensor>& mask,
                  double scale) {
  if (q.device().is_cpu()) {
    // ATen's CPU flash kernels take fewer key-value heads than query heads as they are.
    return std::get<0>(
        at::_scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, causal, mask, scale));
  }
  return at::scaled_dot_product_attention(q,
                                          k,
                                          v,
                                          mask,
                                          0.0,
                                          causal,
                                          scale,
                                          /*enable_gqa=*/q.size(1) != k.size(1));
}

}  // namespace

at::Tensor plain(const at::Tensor& q_BHTD,
                 const at::Tensor& k_BHTD,
                 const at::Tensor& v_BHTD,
                 double scale) {
  const int64_t queries = q_BHTD.size(2), keys = k_BHTD.size(2);
  if (queries == 1) {
    // All keys are visible, so the heads of a group can stand where the queries do.
    const int64_t batch = q_BHTD.size(0), kv_heads = k_BHTD.size(1), head_dim = q_BHTD.size(3);
    const at::Tensor grouped = q_BHTD.reshape({batch, kv_heads, -1, head_dim});
    const at::Tensor out = attend(grouped, k_BHTD, v_BHTD, false, std::nullopt, scale);
    return out.reshape({batch, 1, -1});
  }
  if (cpu::takes_causal_attention(q_BHTD, k_BHTD)) {
    return cpu::causal_attention(q_BHTD, k_BHTD, v_BHTD, scale);
  }
  std::optional<at::Tensor> mask;
  if (keys != queries) {
    const double lowest = -std::numeric_limits<double>::infinity();
    mask = at::full({queries, keys}, lowest, q_BHTD.options()).triu_(keys - queries + 1);
  }
  const at::Tensor out = attend(q_BHTD, k_BHTD, v_BHTD, keys == queries, mask, scale);
  return out.transpose(1, 2).flatten(2);
}

}  // namespace ropewalk::ops::attention

#include "ropewalk/ops/attention.h"

#include <ATen/ATen.h>

#include "ops/checks.h"
#include "ops/cpu/attention.h"

namespace ropewalk::ops {
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

at::Tensor causal_attention(const at::Tensor& q_BHTD,
                            const at::Tensor& k_BHTD,
                            const at::Tensor& v_BHTD,
                            double scale) {
  const char* op = "causal_attention";
  ROPEWALK_CHECK_ARGUMENT(q_BHTD.dim() == 4 && q_BHTD.size(2) > 0, op, "q", q_BHTD);
  ROPEWALK_CHECK_ARGUMENT(k_BHTD.dim() == 4 && k_BHTD.size(0) == q_BHTD.size(0) &&
                              q_BHTD.size(1) % k_BHTD.size(1) == 0 &&
                              k_BHTD.size(2) >= q_BHTD.size(2) && k_BHTD.size(3) == q_BHTD.size(3),
                          op,
                          "k",
                          k_BHTD);
  ROPEWALK_CHECK_ARGUMENT(v_BHTD.sizes() == k_BHTD.sizes(), op, "v", v_BHTD);
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

}  // namespace ropewalk::ops

// Attention to some of the keys at a time, for keys that are not all in one place. The softmax over
// all keys follows from the parts by their log-sum-exp (Ring Attention, Liu et al., arXiv
// 2310.01889):
//
//   log_total = log(sum over parts of exp(log_total_p))
//   out       = sum over parts of exp(log_total_p - log_total) out_p
//
// and, with out and log_total of all parts, the gradients of a part need nothing of the others.
// B batch, H query heads, Hkv key-value heads, Tq queries, Tk keys, D head size, E of the values.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ropewalk::ops {

struct AttentionHeads {
  at::Tensor q_BHTD, k_BHTD, v_BHTE;  // Hkv divides H
};

struct KeyPart {
  double scale = 1.0;
  double softcap = 0.0;  // as in AttentionOptions
  // Query r sees key c where c <= r + reach and, with a window, c > r + reach - window: reach is
  // the first query's position less the first key's. Every query must see at least one key.
  int64_t reach = 0;
  int64_t window = 0;
};

struct AttentionResult {
  at::Tensor out_BHTE;
  at::Tensor log_totals_BHT;  // fp32, double for double
};
AttentionResult attend_part(const AttentionHeads& heads, const KeyPart& part);

// What the part gives to the gradients; `all` is the result of all parts, dout its gradient. Each
// is in the type of its input or in fp32.
AttentionHeads attend_part_backward(const AttentionHeads& heads,
                                    const AttentionResult& all,
                                    const at::Tensor& dout_BHTE,
                                    const KeyPart& part);

// Counts a further part in, in place. `sum` is in fp32 (double for double); its log_totals are
// -infinity where nothing was counted yet.
void add_part(AttentionResult& sum, const AttentionResult& part);

// [B, Tq, H * E] as [B, H, Tq, E].
at::Tensor by_head(const at::Tensor& joined_BTE, int64_t num_heads);

}  // namespace ropewalk::ops

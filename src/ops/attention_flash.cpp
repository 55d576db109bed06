#include "ops/attention_flash.h"

#include <ATen/ATen.h>

#include "ops/attention_paths.h"

namespace ropewalk::ops::attention {
namespace {

constexpr int64_t kLargestFlashHead = 256;

// The kernels take heads of multiples of eight.
int64_t flash_width(const at::Tensor& q) { return (q.size(3) + 7) / 8 * 8; }

bool all_visible(const AttentionHeads& heads, const KeyPart& part) {
  const Sight sight(heads, part);
  return !sight.hides_some({0, sight.num_queries, 0, sight.num_keys, sight.reach});
}

at::Tensor tokens_first(const at::Tensor& x_BHTD) {
  return widened(x_BHTD, flash_width(x_BHTD)).transpose(1, 2);
}

at::Tensor heads_first(const at::Tensor& x_BTHD, int64_t width) {
  return x_BTHD.transpose(1, 2).narrow(3, 0, width);
}

}  // namespace

bool takes_flash(const AttentionHeads& heads, const KeyPart& part) {
  const at::Tensor &q = heads.q_BHTD, &k = heads.k_BHTD;
  const bool half = q.scalar_type() == at::kHalf || q.scalar_type() == at::kBFloat16;
  const int64_t width = std::max(q.size(3), heads.v_BHTE.size(3));
  if (!q.is_cuda() || !half || width > kLargestFlashHead) return false;
  const bool square =
      q.size(2) == k.size(2) && part.reach == 0 && (part.window == 0 || part.window >= k.size(2));
  return square || all_visible(heads, part);
}

AttentionResult flash(const AttentionHeads& heads, const KeyPart& part) {
  const at::Tensor &q = heads.q_BHTD, &k = heads.k_BHTD;
  const auto result = at::_flash_attention_forward(tokens_first(q),
                                                   tokens_first(k),
                                                   tokens_first(heads.v_BHTE),
                                                   /*cum_seq_q=*/std::nullopt,
                                                   /*cum_seq_k=*/std::nullopt,
                                                   q.size(2),
                                                   k.size(2),
                                                   /*dropout_p=*/0.0,
                                                   !all_visible(heads, part),
                                                   /*return_debug_mask=*/false,
                                                   part.scale);
  return {heads_first(std::get<0>(result), q.size(3)), std::get<1>(result)};
}

AttentionHeads flash_backward(const AttentionHeads& heads,
                              const AttentionResult& all,
                              const at::Tensor& dout_BHTE,
                              const KeyPart& part) {
  const at::Tensor &q = heads.q_BHTD, &k = heads.k_BHTD;
  const at::Tensor none = at::empty({2}, q.options().dtype(at::kUInt64));  // no dropout
  const auto [dq, dk, dv] = at::_flash_attention_backward(tokens_first(dout_BHTE),
                                                          tokens_first(q),
                                                          tokens_first(k),
                                                          tokens_first(heads.v_BHTE),
                                                          tokens_first(all.out_BHTE),
                                                          all.log_totals_BHT.contiguous(),
                                                          /*cum_seq_q=*/{},
                                                          /*cum_seq_k=*/{},
                                                          q.size(2),
                                                          k.size(2),
                                                          /*dropout_p=*/0.0,
                                                          !all_visible(heads, part),
                                                          none,
                                                          at::empty({0}, none.options()),
                                                          part.scale);
  const int64_t width = q.size(3);
  return {heads_first(dq, width), heads_first(dk, width), heads_first(dv, width)};
}

}  // namespace ropewalk::ops::attention

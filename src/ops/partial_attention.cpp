#include "ropewalk/ops/partial_attention.h"

#include <ATen/ATen.h>

#include "ops/attention_flash.h"
#include "ops/attention_paths.h"
#include "ops/checks.h"

namespace ropewalk::ops {
namespace {

void check_part(const AttentionHeads& heads, const KeyPart& part) {
  const char* op = "attend_part";
  const at::Tensor &q = heads.q_BHTD, &k = heads.k_BHTD, &v = heads.v_BHTE;
  ROPEWALK_CHECK_ARGUMENT(q.dim() == 4 && q.size(2) > 0, op, "q", q);
  ROPEWALK_CHECK_ARGUMENT(k.dim() == 4 && k.size(0) == q.size(0) && q.size(1) % k.size(1) == 0 &&
                              k.size(2) > 0 && k.size(3) == q.size(3),
                          op,
                          "k",
                          k);
  ROPEWALK_CHECK_ARGUMENT(
      v.dim() == 4 && v.sizes().slice(0, 3) == k.sizes().slice(0, 3), op, "v", v);
  const int64_t last_query = q.size(2) - 1 + part.reach;
  ROPEWALK_CHECK(part.reach >= 0 && (part.window == 0 || last_query - part.window < k.size(2) - 1),
                 "attend_part: a query without keys");
}

// Which of the ways to compute; all give the same.
enum class Path { kCpuKernels, kFlash, kProducts };

Path path_of(const AttentionHeads& heads, const KeyPart& part) {
  if (part.softcap > 0.0) return Path::kProducts;
  if (heads.q_BHTD.device().is_cpu()) return Path::kCpuKernels;
  return attention::takes_flash(heads, part) ? Path::kFlash : Path::kProducts;
}

// The kernels take one head size for all.
AttentionHeads one_width(const AttentionHeads& heads) {
  const int64_t width = std::max(heads.q_BHTD.size(3), heads.v_BHTE.size(3));
  return {attention::widened(heads.q_BHTD, width),
          attention::widened(heads.k_BHTD, width),
          attention::widened(heads.v_BHTE, width)};
}

}  // namespace

AttentionResult attend_part(const AttentionHeads& heads, const KeyPart& part) {
  check_part(heads, part);
  const Path path = path_of(heads, part);
  if (path == Path::kProducts) {
    const AttentionResult result = attention::empty_result(heads);
    attention::products(heads, part, result);
    return result;
  }
  const AttentionHeads wide = one_width(heads);
  AttentionResult result;
  if (path == Path::kFlash) {
    result = attention::flash(wide, part);
  } else {
    result = attention::empty_result(wide);
    attention::banded(wide, part, result);
  }
  result.out_BHTE = result.out_BHTE.narrow(3, 0, heads.v_BHTE.size(3));
  return result;
}

AttentionHeads attend_part_backward(const AttentionHeads& heads,
                                    const AttentionResult& all,
                                    const at::Tensor& dout_BHTE,
                                    const KeyPart& part) {
  check_part(heads, part);
  const Path path = path_of(heads, part);
  if (path == Path::kProducts) return attention::products_backward(heads, all, dout_BHTE, part);
  const AttentionHeads wide = one_width(heads);
  const int64_t width = wide.q_BHTD.size(3);
  const AttentionResult wide_all{attention::widened(all.out_BHTE, width), all.log_totals_BHT};
  const at::Tensor wide_dout = attention::widened(dout_BHTE, width);
  const AttentionHeads d = path == Path::kFlash
                               ? attention::flash_backward(wide, wide_all, wide_dout, part)
                               : attention::banded_backward(wide, wide_all, wide_dout, part);
  return {d.q_BHTD.narrow(3, 0, heads.q_BHTD.size(3)),
          d.k_BHTD.narrow(3, 0, heads.k_BHTD.size(3)),
          d.v_BHTE.narrow(3, 0, heads.v_BHTE.size(3))};
}

void add_part(AttentionResult& sum, const AttentionResult& part) {
  const at::Tensor total = at::logaddexp(sum.log_totals_BHT, part.log_totals_BHT);
  sum.out_BHTE.mul_((sum.log_totals_BHT - total).exp_().unsqueeze(3));
  sum.out_BHTE.addcmul_(part.out_BHTE.to(sum.out_BHTE.scalar_type()),
                        (part.log_totals_BHT - total).exp_().unsqueeze(3));
  sum.log_totals_BHT.copy_(total);
}

at::Tensor by_head(const at::Tensor& joined_BTE, int64_t num_heads) {
  return joined_BTE.unflatten(2, {num_heads, -1}).transpose(1, 2);
}

}  // namespace ropewalk::ops

#include <ATen/ATen.h>

#include "ops/attention_paths.h"
#include "ops/checks.h"

namespace ropewalk::ops::attention {

Sight::Sight(const AttentionHeads& heads, const KeyPart& part)
    : num_queries(heads.q_BHTD.size(2)),
      num_keys(heads.k_BHTD.size(2)),
      reach(part.reach),
      // The last query is the one farthest from the first key.
      window(num_queries + reach > part.window ? part.window : 0) {}

Band Sight::band(int64_t first_query, int64_t num_queries) const {
  const int64_t last_key = reach + first_query;  // of the first query
  const int64_t first_key = window > 0 ? std::max<int64_t>(0, last_key - window + 1) : 0;
  const int64_t end = std::min(num_keys, last_key + num_queries);
  return {first_query, num_queries, first_key, end - first_key, last_key - first_key};
}

bool Sight::hides_some(const Band& band) const {
  return band.reach + 1 < band.num_keys || (window > 0 && band.num_queries + band.reach > window);
}

at::Tensor Sight::hidden_keys(const Band& band, at::Device device) const {
  const at::Tensor all =
      at::ones({band.num_queries, band.num_keys}, at::TensorOptions(at::kBool).device(device));
  const at::Tensor later = all.triu(band.reach + 1);
  return window > 0 ? later.logical_or(all.tril(band.reach - window)) : later;
}

AttentionResult empty_result(const AttentionHeads& heads) {
  const at::Tensor& q = heads.q_BHTD;
  const int64_t batch = q.size(0), num_heads = q.size(1), queries = q.size(2);
  const auto wide = q.options().dtype(compute_type(q));
  return {at::empty({batch, queries, num_heads, heads.v_BHTE.size(3)}, q.options()).transpose(1, 2),
          at::empty({batch, queries, num_heads}, wide).transpose(1, 2)};
}

at::Tensor widened(const at::Tensor& x, int64_t width) {
  return x.size(-1) == width ? x : at::constant_pad_nd(x, {0, width - x.size(-1)});
}

}  // namespace ropewalk::ops::attention

#include <ATen/ATen.h>

#include "ops/attention_paths.h"

namespace ropewalk::ops::attention {

Band band(int64_t first_query, int64_t num_queries, int64_t past, int64_t window) {
  const int64_t position = past + first_query;
  const int64_t first_key = window > 0 ? std::max<int64_t>(0, position - window + 1) : 0;
  return {first_query,
          num_queries,
          first_key,
          position + num_queries - first_key,
          position - first_key};
}

at::Tensor hidden_keys(const Band& band, int64_t window, at::Device device) {
  const at::Tensor all =
      at::ones({band.num_queries, band.num_keys}, at::TensorOptions(at::kBool).device(device));
  const at::Tensor later = all.triu(band.reach + 1);
  return window > 0 ? later.logical_or(all.tril(band.reach - window)) : later;
}

}  // namespace ropewalk::ops::attention

// The ways in which causal_attention computes; inputs are checked.
// B batch, H query heads, Tq queries, Tk keys, D head size, E head size of the values.
#pragma once

#include <ATen/core/Tensor.h>

#include "ropewalk/ops/attention.h"

namespace ropewalk::ops::attention {

// Every query sees all keys before it; D == E.
at::Tensor plain(const at::Tensor& q_BHTD,
                 const at::Tensor& k_BHTD,
                 const at::Tensor& v_BHTD,
                 double scale);

// With a window shorter than the keys, on ATen's CPU kernels; D == E.
at::Tensor windowed(const at::Tensor& q_BHTD,
                    const at::Tensor& k_BHTD,
                    const at::Tensor& v_BHTD,
                    const AttentionOptions& options);

// Any options, by products of chunks, on any device.
at::Tensor chunked(const at::Tensor& q_BHTD,
                   const at::Tensor& k_BHTD,
                   const at::Tensor& v_BHTE,
                   const AttentionOptions& options);

// A chunk of queries and the keys that it sees. Key `first_key + c` is hidden from query
// `first_query + r` if c > r + reach, or with a window w if c <= r + reach - w.
struct Band {
  int64_t first_query, num_queries;
  int64_t first_key, num_keys;
  int64_t reach;
};
Band band(int64_t first_query, int64_t num_queries, int64_t past, int64_t window);

// What of a band is hidden: bool [num_queries, num_keys].
at::Tensor hidden_keys(const Band& band, int64_t window, at::Device device);

}  // namespace ropewalk::ops::attention

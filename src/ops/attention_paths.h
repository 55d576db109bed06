// The ways in which attention is computed; inputs are checked.
// B batch, H query heads, Tq queries, Tk keys, D head size, E head size of the values.
#pragma once

#include <ATen/core/Tensor.h>

#include "ropewalk/ops/attention.h"
#include "ropewalk/ops/partial_attention.h"

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

// What the two above are made of. The result's tensors are there and are filled: out in q's type,
// log totals as empty_result makes them. Gradients of keys and values are in the compute type.
void banded(const AttentionHeads& heads, const KeyPart& part, const AttentionResult& result);
AttentionHeads banded_backward(const AttentionHeads& heads,
                               const AttentionResult& all,
                               const at::Tensor& dout_BHTE,
                               const KeyPart& part);
void products(const AttentionHeads& heads, const KeyPart& part, const AttentionResult& result);
AttentionHeads products_backward(const AttentionHeads& heads,
                                 const AttentionResult& all,
                                 const at::Tensor& dout_BHTE,
                                 const KeyPart& part);

// Tokens first in memory, as the kernels want it and as [B, Tq, H * E] is.
AttentionResult empty_result(const AttentionHeads& heads);
// Zeros behind the elements of a head; they change neither scores nor the values kept.
at::Tensor widened(const at::Tensor& x, int64_t width);

// A chunk of queries and the keys that it sees. Key `first_key + c` is hidden from query
// `first_query + r` if c > r + reach, or with a window w if c <= r + reach - w.
struct Band {
  int64_t first_query, num_queries;
  int64_t first_key, num_keys;
  int64_t reach;
};

// All queries with all keys of a KeyPart, to be cut into bands.
struct Sight {
  Sight(const AttentionHeads& heads, const KeyPart& part);
  Band band(int64_t first_query, int64_t num_queries) const;
  bool hides_some(const Band& band) const;
  // What of a band is hidden: bool [num_queries, num_keys].
  at::Tensor hidden_keys(const Band& band, at::Device device) const;

  int64_t num_queries, num_keys, reach;
  int64_t window;  // 0 where it hides nothing
};

}  // namespace ropewalk::ops::attention

// Output projection and cross-entropy in chunks of tokens. Logits of one chunk exist at a time; the
// gradients are made in the forward pass, so that they never exist in backward either.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ropewalk::ops {

inline constexpr int64_t kIgnoredTarget = -100;

// hidden [N, D] in compute type, weight [V, D] fp32, targets [N] int64 in [0, V) or kIgnoredTarget.
// Returns the fp32 SUM of the negative log-likelihoods of the counted targets.
// Backward may run once (no retain_graph).
// chunk_tokens = 0 chooses a chunk whose logits take some tens of megabytes.
at::Tensor linear_cross_entropy(const at::Tensor& hidden_ND,
                                const at::Tensor& weight_VD,
                                const at::Tensor& targets_N,
                                int64_t chunk_tokens = 0);

// Per-token negative log-likelihood, fp32 [N], 0 where ignored; without gradient.
at::Tensor linear_token_nll(const at::Tensor& hidden_ND,
                            const at::Tensor& weight_VD,
                            const at::Tensor& targets_N,
                            int64_t chunk_tokens = 0);

}  // namespace ropewalk::ops

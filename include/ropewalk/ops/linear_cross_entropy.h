// Output projection and cross-entropy in chunks of tokens. Logits of one chunk exist at a time; the
// gradients are made in the forward pass, so that they never exist in backward either.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ropewalk::ops {

inline constexpr int64_t kIgnoredTarget = -100;

// logits = softcap(scale * (hidden W^T + bias)), softcap(x) = c tanh(x / c).
struct LogitOptions {
  at::Tensor bias_V;  // fp32; undefined = none
  double scale = 1.0;
  double softcap = 0.0;      // c; 0 = off
  int64_t chunk_tokens = 0;  // 0 chooses a chunk whose logits take some tens of megabytes
};

// hidden [N, D] in compute type, weight [V, D] fp32, targets [N] int64 in [0, V) or kIgnoredTarget.
// Returns the fp32 SUM of the negative log-likelihoods of the counted targets, with gradients for
// hidden, weight and bias. Backward may run once (no retain_graph).
at::Tensor linear_cross_entropy(const at::Tensor& hidden_ND,
                                const at::Tensor& weight_VD,
                                const at::Tensor& targets_N,
                                const LogitOptions& options = {});

// Per-token negative log-likelihood, fp32 [N], 0 where ignored; without gradient.
at::Tensor linear_token_nll(const at::Tensor& hidden_ND,
                            const at::Tensor& weight_VD,
                            const at::Tensor& targets_N,
                            const LogitOptions& options = {});

// The logits themselves, fp32 (double for double): hidden [..., D] -> [..., V], all at once.
at::Tensor logits(const at::Tensor& hidden,
                  const at::Tensor& weight_VD,
                  const LogitOptions& options = {});

}  // namespace ropewalk::ops

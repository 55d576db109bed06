// Causal grouped-query attention.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropewalk::ops {

// q [B, H, Tq, Dh], k and v [B, Hkv, Tk, Dh], Hkv divides H, Tk >= Tq -> [B, Tq, H * Dh].
// Query t sees keys 0 .. Tk - Tq + t: the last query sees all (bottom-right aligned), which serves
// whole sequences and decoding with a cache alike. The scores are multiplied by `scale`.
at::Tensor causal_attention(const at::Tensor& q_BHTD,
                            const at::Tensor& k_BHTD,
                            const at::Tensor& v_BHTD,
                            double scale);

}  // namespace ropewalk::ops

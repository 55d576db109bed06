// Attention to a part of the keys by ATen's flash kernels for CUDA (FlashAttention-2, Dao, arXiv
// 2307.08691). Compiled everywhere; not run on a GPU by this project's tests.
#pragma once

#include "ropewalk/ops/partial_attention.h"

namespace ropewalk::ops::attention {

// fp16 or bf16 on CUDA; keys all visible, or as many as queries and those before each.
bool takes_flash(const AttentionHeads& heads, const KeyPart& part);

// D == E.
AttentionResult flash(const AttentionHeads& heads, const KeyPart& part);
AttentionHeads flash_backward(const AttentionHeads& heads,
                              const AttentionResult& all,
                              const at::Tensor& dout_BHTE,
                              const KeyPart& part);

}  // namespace ropewalk::ops::attention

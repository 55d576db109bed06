// Elementwise CPU kernels of the ops, one table per instruction set; no torch here. A kernel works
// on rows [begin, end), so that the caller decides how rows are spread over threads, and its result
// does not depend on that. Arithmetic is in float (double for double).
#pragma once

#include <cstdint>

namespace ropewalk::ops {

// Storage of bfloat16: the upper half of a float.
struct BFloat16Bits {
  uint16_t bits;
};

template <typename T>
struct NormForwardArgs {
  const T* x;          // [rows, dim]
  const T* delta;      // [rows, dim] added to x first, or null
  const void* weight;  // [dim] float (double for double)
  T* sum;              // x + delta, if delta
  T* y;                // [rows, dim]
  void* rstd;          // [rows] float or double, 1 / rms
  int64_t dim;
  double eps;
};

template <typename T>
struct NormBackwardArgs {
  const T* x;
  const void* weight;
  const void* rstd;
  const T* dy;
  const T* residual_grad;  // added to dx, or null
  T* dx;
  T* normed;          // the forward result again, or null; may be dy
  void* weight_grad;  // [dim] float or double, added to, or null
  int64_t dim;
};

// One row = one token of one sequence (index b * tokens + t). Strides in elements.
template <typename T>
struct HeadView {
  T* data;
  int64_t stride_batch, stride_head, stride_token;
};

template <typename T>
struct SplitRotaryArgs {
  T* qkv;  // [batch * tokens, (heads + 2 kv_heads) * head_dim], contiguous
  HeadView<T> q, k, v;
  const float* cos;  // [tokens, rotary_dims / 2], row 0 = the first token's position
  const float* sin;
  int64_t tokens, heads, kv_heads, head_dim, rotary_dims;
  bool interleaved;
};

template <typename T>
struct SwigluArgs {
  const T* gate_up;  // [rows, 2 * dim]
  T* y;              // [rows, dim]; in backward may be dy, or null
  const T* dy;       // backward
  T* gate_up_grad;   // backward, [rows, 2 * dim]
  int64_t dim;
};

template <typename T>
struct CrossEntropyArgs {
  T* logits;  // [rows, vocab]; replaced by softmax - onehot (0 where ignored) if gradient
  const int64_t* targets;  // [rows]
  float* nll;              // [rows]
  int64_t vocab;
  int64_t ignored;
  bool gradient;
};

template <typename T>
struct Kernels {
  void (*rms_norm)(const NormForwardArgs<T>&, int64_t begin, int64_t end);
  void (*rms_norm_backward)(const NormBackwardArgs<T>&, int64_t begin, int64_t end);
  void (*split_rotary)(const SplitRotaryArgs<T>&, int64_t begin, int64_t end);
  void (*split_rotary_backward)(const SplitRotaryArgs<T>&, int64_t begin, int64_t end);
  void (*swiglu)(const SwigluArgs<T>&, int64_t begin, int64_t end);
  void (*swiglu_backward)(const SwigluArgs<T>&, int64_t begin, int64_t end);
  void (*cross_entropy)(const CrossEntropyArgs<T>&, int64_t begin, int64_t end);
};

// Causal attention over whole sequences, in float. Strides are of tokens; heads' rows are dense.
struct AttentionArgs {
  HeadView<float> q, k, v, out;
  HeadView<float> out_grad, q_grad, k_grad, v_grad;  // backward; the last three are added to
  float* log_total;                           // [batch, heads, tokens], log2 of the sum of 2^score
  int64_t tokens, heads, kv_heads, head_dim;  // head_dim: a multiple of 16
  float scale;
};

// Queries and keys per tile.
constexpr int64_t kAttentionBlock = 96;

// Floats of working memory of one call.
constexpr int64_t attention_scratch(int64_t group, int64_t head_dim) {
  return kAttentionBlock * (group * (3 * head_dim + 2) + 2 * kAttentionBlock);
}

// A block of queries of all the heads that share a key-value head.
struct AttentionBlock {
  int64_t batch, kv_head, index;
};

// Backward adds to the block's rows of q_grad, and to k_grad and v_grad from the first key to the
// block's last.
struct AttentionKernels {
  void (*forward)(const AttentionArgs&, const AttentionBlock&, float* scratch);
  void (*backward)(const AttentionArgs&, const AttentionBlock&, float* scratch);
};

struct KernelTable {
  Kernels<float> f32;
  Kernels<double> f64;
  Kernels<BFloat16Bits> bf16;
  AttentionKernels attention;
};

const KernelTable& kernel_table_baseline();
const KernelTable& kernel_table_avx2();
const KernelTable& kernel_table_avx512();

}  // namespace ropewalk::ops

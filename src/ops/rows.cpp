#include "ops/rows.h"

#include <ATen/ATen.h>

#include "ops/checks.h"
#include "ops/cpu/dispatch.h"
#include "ops/reference/reference.h"
#include "ropewalk/ops/linear_cross_entropy.h"

namespace ropewalk::ops::rows {
namespace {

at::Tensor swiglu_backward_composed(const at::Tensor& gate_up, at::Tensor& dy, bool want_y) {
  const at::ScalarType type = compute_type(gate_up);
  const auto parts = gate_up.to(type).chunk(2, -1);
  const at::Tensor sigmoid = parts[0].sigmoid(), silu = parts[0] * sigmoid, grad = dy.to(type);
  const at::Tensor gate_grad = grad * parts[1] * sigmoid * (1 + parts[0] - silu);
  const at::Tensor out = at::cat({gate_grad, grad * silu}, -1).to(gate_up.scalar_type());
  if (want_y) dy = (silu * parts[1]).to(gate_up.scalar_type());
  return out;
}

template <typename T>
HeadView<T> head_view(const at::Tensor& x_BHTD) {
  return {static_cast<T*>(x_BHTD.data_ptr()), x_BHTD.stride(0), x_BHTD.stride(1), x_BHTD.stride(2)};
}

// Runs the kernel that goes from joined to split heads, or back with the angle reversed.
void run_split_rotary(const at::Tensor& qkv_BTE,
                      const Heads& heads,
                      const HeadShape& shape,
                      const RotaryTables& tables,
                      int64_t first_position,
                      bool backward) {
  const int64_t batch = qkv_BTE.size(0), tokens = qkv_BTE.size(1);
  const int64_t half = tables.cos.defined() ? tables.cos.size(1) : 0;
  const auto table = [&](const at::Tensor& x) {
    return x.defined() ? x.data_ptr<float>() + first_position * half : nullptr;
  };
  with_kernel_type(qkv_BTE, [&](auto type) {
    using T = decltype(type);
    const SplitRotaryArgs<T> args{static_cast<T*>(qkv_BTE.data_ptr()),
                                  head_view<T>(heads.q_BHTD),
                                  head_view<T>(heads.k_BHTD),
                                  head_view<T>(heads.v_BHTD),
                                  table(tables.cos),
                                  table(tables.sin),
                                  tokens,
                                  shape.num_heads,
                                  shape.num_kv_heads,
                                  shape.head_dim,
                                  2 * half,
                                  tables.layout == RotaryLayout::kInterleaved};
    const auto kernel = backward ? kernels<T>().split_rotary_backward : kernels<T>().split_rotary;
    at::parallel_for(
        0, batch * tokens, row_grain(qkv_BTE.size(2)), [&](int64_t begin, int64_t end) {
          kernel(args, begin, end);
        });
  });
}

}  // namespace

at::Tensor swiglu(const at::Tensor& gate_up_any) {
  if (!has_kernels(gate_up_any)) return reference::swiglu(gate_up_any);
  const at::Tensor gate_up = gate_up_any.contiguous();
  const int64_t dim = gate_up.size(-1) / 2, rows = gate_up.numel() / (2 * dim);
  std::vector<int64_t> sizes = gate_up.sizes().vec();
  sizes.back() = dim;
  at::Tensor y = at::empty(sizes, gate_up.options());
  with_kernel_type(gate_up, [&](auto type) {
    using T = decltype(type);
    const SwigluArgs<T> args{pointer<T>(gate_up), pointer<T>(y), nullptr, nullptr, dim};
    at::parallel_for(0, rows, row_grain(dim), [&](int64_t begin, int64_t end) {
      kernels<T>().swiglu(args, begin, end);
    });
  });
  return y;
}

at::Tensor swiglu_backward(const at::Tensor& gate_up_any, at::Tensor& dy, bool want_y) {
  if (!has_kernels(gate_up_any)) return swiglu_backward_composed(gate_up_any, dy, want_y);
  const at::Tensor gate_up = gate_up_any.contiguous();
  dy = dy.contiguous();
  const int64_t dim = gate_up.size(-1) / 2, rows = gate_up.numel() / (2 * dim);
  at::Tensor grad = at::empty_like(gate_up);
  with_kernel_type(gate_up, [&](auto type) {
    using T = decltype(type);
    const SwigluArgs<T> args{pointer<T>(gate_up),
                             want_y ? pointer<T>(dy) : nullptr,
                             pointer<T>(dy),
                             pointer<T>(grad),
                             dim};
    at::parallel_for(0, rows, row_grain(dim), [&](int64_t begin, int64_t end) {
      kernels<T>().swiglu_backward(args, begin, end);
    });
  });
  return grad;
}

Heads split_rotary(const at::Tensor& qkv_BTE,
                   const HeadShape& shape,
                   const RotaryTables& tables,
                   int64_t first_position) {
  if (!has_kernels(qkv_BTE)) {
    return reference::split_rotary(qkv_BTE, shape, tables, first_position);
  }
  const int64_t batch = qkv_BTE.size(0), tokens = qkv_BTE.size(1);
  const auto empty = [&](int64_t heads) {
    return at::empty({batch, heads, tokens, shape.head_dim}, qkv_BTE.options());
  };
  Heads out{empty(shape.num_heads), empty(shape.num_kv_heads), empty(shape.num_kv_heads)};
  run_split_rotary(qkv_BTE.contiguous(), out, shape, tables, first_position, /*backward=*/false);
  return out;
}

at::Tensor split_rotary_backward(const Heads& grads,
                                 const HeadShape& shape,
                                 const RotaryTables& tables,
                                 int64_t first_position) {
  const at::Tensor& q = grads.q_BHTD;
  if (!has_kernels(q)) {
    const RotaryTables back{
        tables.cos, tables.sin.defined() ? tables.sin.neg() : tables.sin, tables.layout};
    const auto join = [](const at::Tensor& x) { return x.transpose(1, 2).flatten(2); };
    return at::cat({join(reference::apply_rotary(q, back, first_position)),
                    join(reference::apply_rotary(grads.k_BHTD, back, first_position)),
                    join(grads.v_BHTD)},
                   -1);
  }
  const auto dense_rows = [](const at::Tensor& x) { return x.stride(3) == 1 ? x : x.contiguous(); };
  const Heads in{dense_rows(q), dense_rows(grads.k_BHTD), dense_rows(grads.v_BHTD)};
  const int64_t width = (shape.num_heads + 2 * shape.num_kv_heads) * shape.head_dim;
  at::Tensor out = at::empty({q.size(0), q.size(2), width}, q.options());
  run_split_rotary(out, in, shape, tables, first_position, /*backward=*/true);
  return out;
}

at::Tensor cross_entropy(at::Tensor& logits_NV, const at::Tensor& targets_N, bool gradient) {
  const int64_t rows = logits_NV.size(0), vocab = logits_NV.size(1);
  if (has_kernels(logits_NV)) {
    at::Tensor nll = at::empty({rows}, logits_NV.options().dtype(at::kFloat));
    with_kernel_type(logits_NV, [&](auto type) {
      using T = decltype(type);
      const CrossEntropyArgs<T> args{pointer<T>(logits_NV),
                                     targets_N.data_ptr<int64_t>(),
                                     nll.data_ptr<float>(),
                                     vocab,
                                     kIgnoredTarget,
                                     gradient};
      at::parallel_for(0, rows, row_grain(vocab), [&](int64_t begin, int64_t end) {
        kernels<T>().cross_entropy(args, begin, end);
      });
    });
    return nll;
  }
  const at::Tensor counted = targets_N.ne(kIgnoredTarget).unsqueeze(1);
  const at::Tensor index = targets_N.clamp_min(0).unsqueeze(1);
  const at::Tensor wide = logits_NV.to(compute_type(logits_NV));
  const at::Tensor log_total = wide.logsumexp(1, /*keepdim=*/true);
  const at::Tensor nll = (log_total - wide.gather(1, index)).mul(counted).squeeze(1);
  if (gradient) {
    at::Tensor grad = (wide - log_total).exp_();
    grad.scatter_add_(1, index, at::full_like(log_total, -1.0));
    logits_NV = grad.mul_(counted).to(logits_NV.scalar_type());
  }
  return nll.to(at::kFloat);
}

}  // namespace ropewalk::ops::rows

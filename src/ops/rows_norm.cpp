#include <ATen/ATen.h>

#include "ops/checks.h"
#include "ops/cpu/dispatch.h"
#include "ops/rows.h"

namespace ropewalk::ops::rows {
namespace {

// Rows that share one partial sum of the weight's gradient: fixed, so that the result does not
// depend on the number of threads.
constexpr int64_t kPartialRows = 256;

NormForward norm_composed(const at::Tensor& x,
                          const at::Tensor& delta,
                          const at::Tensor& weight,
                          double eps) {
  NormForward out;
  if (delta.defined()) out.sum = x + delta;
  const at::Tensor wide = (delta.defined() ? out.sum : x).to(compute_type(x));
  const at::Tensor rstd = (wide.square().mean(-1, /*keepdim=*/true) + eps).rsqrt();
  out.rstd = rstd.flatten();
  out.y = (wide * rstd * weight.to(wide.scalar_type())).to(x.scalar_type());
  return out;
}

NormBackward norm_backward_composed(const NormBackwardInputs& in) {
  const at::ScalarType type = compute_type(in.x);
  const at::Tensor rstd = in.rstd.view({-1, 1});
  const int64_t dim = in.x.size(-1);
  const at::Tensor unit = in.x.reshape({-1, dim}).to(type) * rstd;
  const at::Tensor dy = in.dy.reshape({-1, dim}).to(type), weight = in.weight.to(type);
  const at::Tensor grad = dy * weight;
  at::Tensor dx = (grad - unit * (grad * unit).mean(-1, /*keepdim=*/true)) * rstd;
  if (in.residual_grad.defined()) dx = dx + in.residual_grad.reshape({-1, dim});
  NormBackward out;
  out.dx = dx.to(in.x.scalar_type()).view(in.x.sizes());
  if (in.want_normed) out.normed = (unit * weight).to(in.x.scalar_type()).view(in.x.sizes());
  if (in.want_weight_grad) out.weight_grad = (dy * unit).sum(0).to(in.weight.scalar_type());
  return out;
}

}  // namespace

NormForward rms_norm(const at::Tensor& x_any,
                     const at::Tensor& delta_any,
                     const at::Tensor& weight_any,
                     double eps) {
  if (!has_kernels(x_any)) return norm_composed(x_any, delta_any, weight_any, eps);
  const at::Tensor x = x_any.contiguous();
  const at::Tensor delta = delta_any.defined() ? delta_any.contiguous() : delta_any;
  const at::Tensor weight = weight_any.to(compute_type(x)).contiguous();
  const int64_t dim = x.size(-1), rows = x.numel() / dim;
  NormForward out;
  out.y = at::empty_like(x);
  out.rstd = at::empty({rows}, weight.options());
  if (delta.defined()) out.sum = at::empty_like(x);
  with_kernel_type(x, [&](auto type) {
    using T = decltype(type);
    const NormForwardArgs<T> args{pointer<T>(x),
                                  pointer<T>(delta),
                                  weight.data_ptr(),
                                  pointer<T>(out.sum),
                                  pointer<T>(out.y),
                                  out.rstd.data_ptr(),
                                  dim,
                                  eps};
    at::parallel_for(0, rows, row_grain(dim), [&](int64_t begin, int64_t end) {
      kernels<T>().rms_norm(args, begin, end);
    });
  });
  return out;
}

NormBackward rms_norm_backward(const NormBackwardInputs& in) {
  if (!has_kernels(in.x)) return norm_backward_composed(in);
  const at::Tensor x = in.x.contiguous(), dy = in.dy.contiguous();
  const at::Tensor weight = in.weight.to(compute_type(x)).contiguous();
  const at::Tensor residual =
      in.residual_grad.defined() ? in.residual_grad.contiguous() : at::Tensor();
  const int64_t dim = x.size(-1), rows = x.numel() / dim;
  const int64_t partials = (rows + kPartialRows - 1) / kPartialRows;
  NormBackward out;
  out.dx = at::empty_like(x);
  if (in.want_normed) out.normed = dy;
  at::Tensor weight_grads;
  if (in.want_weight_grad) weight_grads = at::zeros({partials, dim}, weight.options());
  char* const first_grad =
      in.want_weight_grad ? static_cast<char*>(weight_grads.data_ptr()) : nullptr;
  const int64_t grad_bytes = dim * static_cast<int64_t>(weight.element_size());
  with_kernel_type(x, [&](auto type) {
    using T = decltype(type);
    NormBackwardArgs<T> shared{pointer<T>(x),
                               weight.data_ptr(),
                               in.rstd.data_ptr(),
                               pointer<T>(dy),
                               pointer<T>(residual),
                               pointer<T>(out.dx),
                               pointer<T>(out.normed),
                               nullptr,
                               dim};
    at::parallel_for(0, partials, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        NormBackwardArgs<T> args = shared;
        if (first_grad) args.weight_grad = first_grad + part * grad_bytes;
        kernels<T>().rms_norm_backward(
            args, part * kPartialRows, std::min(rows, (part + 1) * kPartialRows));
      }
    });
  });
  if (in.want_weight_grad) out.weight_grad = weight_grads.sum(0).to(in.weight.scalar_type());
  return out;
}

}  // namespace ropewalk::ops::rows

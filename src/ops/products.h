// Products with a weight [out, in] that is cast to the input's type at use, and their gradients.
// Shared by the autograd functions; no autograd here.
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <vector>

namespace ropewalk::ops::products {

inline at::Tensor flat(const at::Tensor& x) { return x.reshape({-1, x.size(-1)}); }

inline std::vector<int64_t> with_width(const at::Tensor& x, int64_t width) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = width;
  return sizes;
}

// x W^T + bias.
inline at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const at::Tensor transposed = weight.to(x.scalar_type()).t();
  const at::Tensor y = bias.defined() ? at::addmm(bias.to(x.scalar_type()), flat(x), transposed)
                                      : at::mm(flat(x), transposed);
  return y.view(with_width(x, weight.size(0)));
}

// residual + x W^T + bias.
inline at::Tensor product_added(const at::Tensor& residual,
                                const at::Tensor& x,
                                const at::Tensor& weight,
                                const at::Tensor& bias) {
  at::Tensor y =
      at::addmm(flat(residual), flat(x), weight.to(x.scalar_type()).t()).view(residual.sizes());
  if (bias.defined()) y.add_(bias.to(x.scalar_type()));
  return y;
}

inline at::Tensor input_grad(const at::Tensor& dy, const at::Tensor& weight) {
  return at::mm(flat(dy), weight.to(dy.scalar_type())).view(with_width(dy, weight.size(1)));
}

inline at::Tensor weight_grad(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight) {
  return at::mm(flat(dy).t(), flat(x)).to(weight.scalar_type());
}

inline at::Tensor bias_grad(const at::Tensor& dy, const at::Tensor& bias) {
  return flat(dy).sum(0, /*keepdim=*/false, bias.scalar_type());
}

// autograd::Function takes an absent tensor as an empty optional only.
inline std::optional<at::Tensor> optional(const at::Tensor& x) {
  return x.defined() ? std::optional<at::Tensor>(x) : std::nullopt;
}

}  // namespace ropewalk::ops::products

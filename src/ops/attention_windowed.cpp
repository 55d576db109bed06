// Attention within a window: chunks of queries, each against its slice of the keys, so that nothing
// outside the band is computed. All chunks whose band begins behind the first key share one mask.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/attention_paths.h"
#include "ops/checks.h"

namespace ropewalk::ops::attention {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Small beside the window, so that little of a chunk's slice is masked, but no smaller than the
// kernels' own blocks.
int64_t chunk_size(int64_t window) { return std::clamp<int64_t>(window / 4, 128, 512); }

// 0 or -inf in q's type; keeps the last mask, which is that of nearly all chunks.
class Masks {
 public:
  Masks(int64_t window, const at::TensorOptions& options) : window_(window), options_(options) {}

  const at::Tensor& of(const Band& band) {
    if (mask_.defined() && band.num_queries == mask_.size(0) && band.num_keys == mask_.size(1) &&
        band.reach == reach_) {
      return mask_;
    }
    mask_ = at::zeros({band.num_queries, band.num_keys}, options_)
                .masked_fill_(hidden_keys(band, window_, options_.device()),
                              -std::numeric_limits<double>::infinity());
    reach_ = band.reach;
    return mask_;
  }

 private:
  int64_t window_;
  at::TensorOptions options_;
  at::Tensor mask_;
  int64_t reach_ = 0;
};

template <typename Body>
void for_chunks(const at::Tensor& q, const at::Tensor& k, int64_t window, Body body) {
  Masks masks(window, q.options());
  const int64_t queries = q.size(2), chunk = chunk_size(window), past = k.size(2) - queries;
  for (int64_t begin = 0; begin < queries; begin += chunk) {
    const Band b = band(begin, std::min(chunk, queries - begin), past, window);
    body(b, masks.of(b));
  }
}

at::Tensor queries_of(const at::Tensor& x, const Band& b) {
  return x.narrow(2, b.first_query, b.num_queries);
}
at::Tensor keys_of(const at::Tensor& x, const Band& b) {
  return x.narrow(2, b.first_key, b.num_keys);
}

class Windowed : public torch::autograd::Function<Windowed> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& q,
                            const at::Tensor& k,
                            const at::Tensor& v,
                            double scale,
                            int64_t window) {
    const int64_t batch = q.size(0), heads = q.size(1), queries = q.size(2);
    const at::Tensor joined = at::empty({batch, queries, heads * q.size(3)}, q.options());
    const at::Tensor out = joined.view({batch, queries, heads, q.size(3)}).transpose(1, 2);
    at::Tensor log_totals;  // [B, H, Tq], tokens first in memory as the kernels make it
    for_chunks(q, k, window, [&](const Band& b, const at::Tensor& mask) {
      const auto [part, log_total] = at::_scaled_dot_product_flash_attention_for_cpu(
          queries_of(q, b), keys_of(k, b), keys_of(v, b), 0.0, false, mask, scale);
      if (!log_totals.defined()) {
        log_totals = at::empty({batch, queries, heads}, log_total.options()).transpose(1, 2);
      }
      queries_of(out, b).copy_(part);
      queries_of(log_totals, b).copy_(log_total);
    });
    ctx->save_for_backward({q, k, v, joined, log_totals});
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["window"] = window;
    return joined;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2];
    const auto heads_of = [&](const at::Tensor& joined) {
      return joined.unflatten(2, {q.size(1), -1}).transpose(1, 2);
    };
    const at::Tensor out = heads_of(saved[3]), dout = heads_of(grads[0]);
    const double scale = ctx->saved_data["scale"].toDouble();
    const at::Tensor dq = at::empty_like(q);
    // A key's gradient sums over chunks, in fp32 also for bf16.
    const auto wide = k.options().dtype(compute_type(k));
    const at::Tensor dk = at::zeros(k.sizes(), wide), dv = at::zeros(v.sizes(), wide);
    for_chunks(q, k, ctx->saved_data["window"].toInt(), [&](const Band& b, const at::Tensor& mask) {
      const auto [dq_part, dk_part, dv_part] =
          at::_scaled_dot_product_flash_attention_for_cpu_backward(queries_of(dout, b),
                                                                   queries_of(q, b),
                                                                   keys_of(k, b),
                                                                   keys_of(v, b),
                                                                   queries_of(out, b),
                                                                   queries_of(saved[4], b),
                                                                   0.0,
                                                                   false,
                                                                   mask,
                                                                   scale);
      queries_of(dq, b).copy_(dq_part);
      keys_of(dk, b).add_(dk_part);
      keys_of(dv, b).add_(dv_part);
    });
    return {dq, dk.to(k.scalar_type()), dv.to(v.scalar_type()), {}, {}};
  }
};

}  // namespace

at::Tensor windowed(const at::Tensor& q_BHTD,
                    const at::Tensor& k_BHTD,
                    const at::Tensor& v_BHTD,
                    const AttentionOptions& options) {
  return Windowed::apply(q_BHTD, k_BHTD, v_BHTD, options.scale, options.window);
}

}  // namespace ropewalk::ops::attention

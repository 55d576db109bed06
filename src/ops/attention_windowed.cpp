// Attention to a band of the keys on ATen's CPU kernels. With a window: chunks of queries, each
// against its slice of the keys, so that nothing outside the band is computed. All chunks whose
// band begins behind the first key share one mask.
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

// What hides keys of a band: nothing, the kernel's own rule, or 0 and -inf in q's type.
struct Mask {
  bool causal = false;
  std::optional<at::Tensor> scores_QK;
};

// Keeps the last mask, which is that of nearly all chunks.
class Masks {
 public:
  Masks(const Sight& sight, const at::TensorOptions& options) : sight_(sight), options_(options) {}

  Mask of(const Band& band) {
    if (!sight_.hides_some(band)) return {};
    const bool square = band.num_queries == band.num_keys && band.reach == 0;
    if (square && sight_.window == 0) return {true, std::nullopt};
    if (!mask_.defined() || band.num_queries != mask_.size(0) || band.num_keys != mask_.size(1) ||
        band.reach != reach_) {
      mask_ = at::zeros({band.num_queries, band.num_keys}, options_)
                  .masked_fill_(sight_.hidden_keys(band, options_.device()),
                                -std::numeric_limits<double>::infinity());
      reach_ = band.reach;
    }
    return {false, mask_};
  }

 private:
  const Sight& sight_;
  at::TensorOptions options_;
  at::Tensor mask_;
  int64_t reach_ = 0;
};

template <typename Body>
void for_bands(const AttentionHeads& heads, const KeyPart& part, Body body) {
  const Sight sight(heads, part);
  Masks masks(sight, heads.q_BHTD.options());
  const int64_t queries = sight.num_queries;
  const int64_t chunk = sight.window > 0 ? chunk_size(sight.window) : queries;
  for (int64_t begin = 0; begin < queries; begin += chunk) {
    const Band b = sight.band(begin, std::min(chunk, queries - begin));
    body(b, masks.of(b));
  }
}

at::Tensor queries_of(const at::Tensor& x, const Band& b) {
  return x.narrow(2, b.first_query, b.num_queries);
}
at::Tensor keys_of(const at::Tensor& x, const Band& b) {
  return x.narrow(2, b.first_key, b.num_keys);
}

KeyPart window_part(const AttentionHeads& heads, double scale, int64_t window) {
  const int64_t reach = heads.k_BHTD.size(2) - heads.q_BHTD.size(2);
  return {.scale = scale, .reach = reach, .window = window};
}

class Windowed : public torch::autograd::Function<Windowed> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& q,
                            const at::Tensor& k,
                            const at::Tensor& v,
                            double scale,
                            int64_t window) {
    const AttentionHeads heads{q, k, v};
    const at::Tensor joined = at::empty({q.size(0), q.size(2), q.size(1) * q.size(3)}, q.options());
    const AttentionResult result{by_head(joined, q.size(1)), empty_result(heads).log_totals_BHT};
    banded(heads, window_part(heads, scale, window), result);
    ctx->save_for_backward({q, k, v, joined, result.log_totals_BHT});
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["window"] = window;
    return joined;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const AttentionHeads heads{saved[0], saved[1], saved[2]};
    const int64_t num_heads = saved[0].size(1);
    const KeyPart part =
        window_part(heads, ctx->saved_data["scale"].toDouble(), ctx->saved_data["window"].toInt());
    const AttentionHeads d = banded_backward(
        heads, {by_head(saved[3], num_heads), saved[4]}, by_head(grads[0], num_heads), part);
    const at::ScalarType type = saved[0].scalar_type();
    return {d.q_BHTD, d.k_BHTD.to(type), d.v_BHTE.to(type), {}, {}};
  }
};

}  // namespace

void banded(const AttentionHeads& heads, const KeyPart& part, const AttentionResult& result) {
  for_bands(heads, part, [&](const Band& b, const Mask& mask) {
    const auto [out, log_totals] =
        at::_scaled_dot_product_flash_attention_for_cpu(queries_of(heads.q_BHTD, b),
                                                        keys_of(heads.k_BHTD, b),
                                                        keys_of(heads.v_BHTE, b),
                                                        0.0,
                                                        mask.causal,
                                                        mask.scores_QK,
                                                        part.scale);
    queries_of(result.out_BHTE, b).copy_(out);
    queries_of(result.log_totals_BHT, b).copy_(log_totals);
  });
}

AttentionHeads banded_backward(const AttentionHeads& heads,
                               const AttentionResult& all,
                               const at::Tensor& dout,
                               const KeyPart& part) {
  const at::Tensor &q = heads.q_BHTD, &k = heads.k_BHTD, &v = heads.v_BHTE;
  const at::Tensor dq = at::empty_like(q);
  // A key's gradient sums over chunks, in fp32 also for bf16.
  const auto wide = k.options().dtype(compute_type(k));
  const at::Tensor dk = at::zeros(k.sizes(), wide), dv = at::zeros(v.sizes(), wide);
  for_bands(heads, part, [&](const Band& b, const Mask& mask) {
    const auto [dq_part, dk_part, dv_part] =
        at::_scaled_dot_product_flash_attention_for_cpu_backward(queries_of(dout, b),
                                                                 queries_of(q, b),
                                                                 keys_of(k, b),
                                                                 keys_of(v, b),
                                                                 queries_of(all.out_BHTE, b),
                                                                 queries_of(all.log_totals_BHT, b),
                                                                 0.0,
                                                                 mask.causal,
                                                                 mask.scores_QK,
                                                                 part.scale);
    queries_of(dq, b).copy_(dq_part);
    keys_of(dk, b).add_(dk_part);
    keys_of(dv, b).add_(dv_part);
  });
  return {dq, dk, dv};
}

at::Tensor windowed(const at::Tensor& q_BHTD,
                    const at::Tensor& k_BHTD,
                    const at::Tensor& v_BHTD,
                    const AttentionOptions& options) {
  return Windowed::apply(q_BHTD, k_BHTD, v_BHTD, options.scale, options.window);
}

}  // namespace ropewalk::ops::attention

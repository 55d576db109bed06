// B batch, T tokens, D hidden size or a head's, R rank of a projection, H heads.
#include "model/latent_attention.h"

#include "ropewalk/ops/linear.h"

namespace ropewalk {
namespace {

class LatentAttention final : public Attention {
 public:
  LatentAttention(const DecoderSpec& spec, int64_t layer, const ParameterTree& tree)
      : latent_(*spec.latent),
        num_heads_(spec.num_heads),
        layer_(layer),
        scores_(spec, layer, tree),
        q_a_(tree.linear("attention.q_a")),
        q_(tree.linear("attention.q")),
        kv_a_(tree.linear("attention.kv_a")),
        kv_b_(tree.linear("attention.kv_b")),
        q_a_norm_(spec.qk_norm_spec, tree, "attention.q_a_norm"),
        kv_a_norm_(spec.qk_norm_spec, tree, "attention.kv_a_norm") {}

  std::tuple<at::Tensor, at::Tensor> attend(const at::Tensor& x_BTD,
                                            const Norm* norm,
                                            const BlockInputs& in) const override {
    const at::Tensor normed_BTD = norm ? (*norm)(x_BTD) : x_BTD;
    const at::Tensor q_BHTD = queries(normed_BTD, in);
    auto [k_BHTD, v_BHTD] = keys_and_values(normed_BTD, in);
    if (in.cache) std::tie(k_BHTD, v_BHTD) = in.cache->append(layer_, k_BHTD, v_BHTD);
    return {ops::causal_attention(q_BHTD, k_BHTD, v_BHTD, scores_.options(in)), x_BTD};
  }

 private:
  at::Tensor rotated(const at::Tensor& x_BTHD, const BlockInputs& in) const {
    return ops::rotate(x_BTHD, ops::HeadOrder::kTokensFirst, in.rotary, in.first_position);
  }

  at::Tensor queries(const at::Tensor& x_BTD, const BlockInputs& in) const {
    const at::Tensor low_BTR = latent_.q_rank > 0 ? q_a_norm_(ops::linear(x_BTD, q_a_)) : x_BTD;
    const auto parts = ops::linear(low_BTR, q_)
                           .unflatten(-1, {num_heads_, -1})
                           .split_with_sizes({latent_.nope_dim, latent_.rope_dim}, -1);
    return at::cat({parts[0].transpose(1, 2), rotated(parts[1], in)}, -1);
  }

  std::pair<at::Tensor, at::Tensor> keys_and_values(const at::Tensor& x_BTD,
                                                    const BlockInputs& in) const {
    const auto low =
        ops::linear(x_BTD, kv_a_).split_with_sizes({latent_.kv_rank, latent_.rope_dim}, -1);
    const auto parts = ops::linear(kv_a_norm_(low[0]), kv_b_)
                           .unflatten(-1, {num_heads_, -1})
                           .transpose(1, 2)
                           .split_with_sizes({latent_.nope_dim, latent_.value_dim}, -1);
    const at::Tensor shared_B1TD = rotated(low[1].unsqueeze(2), in);
    return {at::cat({parts[0], shared_B1TD.expand({-1, num_heads_, -1, -1})}, -1),
            parts[1].contiguous()};
  }

  LatentSpec latent_;
  int64_t num_heads_;
  int64_t layer_;
  AttentionScores scores_;
  ops::LinearWeights q_a_, q_, kv_a_, kv_b_;
  Norm q_a_norm_, kv_a_norm_;
};

}  // namespace

std::unique_ptr<Attention> make_latent_attention(const DecoderSpec& spec,
                                                 int64_t layer,
                                                 const ParameterTree& tree) {
  return std::make_unique<LatentAttention>(spec, layer, tree);
}

}  // namespace ropewalk

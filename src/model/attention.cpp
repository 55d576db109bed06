// B batch, T tokens, D hidden size or a head's, E (H + 2 Hkv) Dh, H heads.
#include "model/attention.h"

#include "model/latent_attention.h"
#include "ropewalk/ops/attention.h"
#include "ropewalk/ops/linear.h"

namespace ropewalk {
namespace {

class GroupedQueryAttention final : public Attention {
 public:
  GroupedQueryAttention(const DecoderSpec& spec, int64_t layer, const ParameterTree& tree)
      : shape_{spec.num_heads, spec.num_kv_heads, spec.head_dim},
        layer_(layer),
        clip_(spec.qkv_clip),
        clip_after_norm_(spec.qkv_clip_after_norm),
        qk_norm_(spec.qk_norm),
        norm_after_rotary_(spec.qk_norm_after_rotary),
        scores_(spec, layer, tree),
        qkv_(tree.linear("attention.qkv")),
        q_norm_(spec.qk_norm_spec, tree, "attention.q_norm"),
        k_norm_(spec.qk_norm_spec, tree, "attention.k_norm") {}

  std::tuple<at::Tensor, at::Tensor> attend(const at::Tensor& x_BTD,
                                            const Norm* norm,
                                            const BlockInputs& in) const override {
    auto [qkv_BTE, residual_BTD] =
        norm ? norm->linear(x_BTD, qkv_) : std::tuple{ops::linear(x_BTD, qkv_), x_BTD};
    if (clip_ > 0.0 && !clip_after_norm_) qkv_BTE = qkv_BTE.clamp(-clip_, clip_);
    ops::Heads heads = qk_norm_ == QkNorm::kNone
                           ? ops::split_rotary(qkv_BTE, shape_, in.rotary, in.first_position)
                           : split_normed(qkv_BTE, in);
    qkv_BTE.reset();  // nothing in backward needs it
    if (in.cache) {
      std::tie(heads.k_BHTD, heads.v_BHTD) = in.cache->append(layer_, heads.k_BHTD, heads.v_BHTD);
    }
    return {ops::causal_attention(heads.q_BHTD, heads.k_BHTD, heads.v_BHTD, scores_.options(in)),
            residual_BTD};
  }

 private:
  ops::Heads split_normed(const at::Tensor& qkv_BTE, const BlockInputs& in) const {
    const int64_t query = shape_.num_heads * shape_.head_dim;
    const int64_t key = shape_.num_kv_heads * shape_.head_dim;
    const auto parts = qkv_BTE.split_with_sizes({query, key, key}, -1);
    return {normed_and_rotated(parts[0], q_norm_, in),
            normed_and_rotated(parts[1], k_norm_, in),
            by_head(clipped(parts[2])).transpose(1, 2).contiguous()};
  }

  at::Tensor clipped(const at::Tensor& x) const {
    return clip_ > 0.0 && clip_after_norm_ ? x.clamp(-clip_, clip_) : x;
  }

  at::Tensor by_head(const at::Tensor& x_BTE) const {
    return x_BTE.unflatten(-1, {-1, shape_.head_dim});
  }

  at::Tensor normed_and_rotated(const at::Tensor& x_BTE,
                                const Norm& norm,
                                const BlockInputs& in) const {
    if (norm_after_rotary_) {
      const at::Tensor rotated_BHTD =
          ops::rotate(by_head(x_BTE), ops::HeadOrder::kTokensFirst, in.rotary, in.first_position);
      return norm.heads(rotated_BHTD.transpose(1, 2)).transpose(1, 2).contiguous();
    }
    const at::Tensor normed_BTHD =
        qk_norm_ == QkNorm::kWhole ? by_head(clipped(norm(x_BTE))) : norm.heads(by_head(x_BTE));
    return ops::rotate(normed_BTHD, ops::HeadOrder::kTokensFirst, in.rotary, in.first_position);
  }

  ops::HeadShape shape_;
  int64_t layer_;
  double clip_;
  bool clip_after_norm_;
  QkNorm qk_norm_;
  bool norm_after_rotary_;
  AttentionScores scores_;
  ops::LinearWeights qkv_;
  Norm q_norm_, k_norm_;
};

}  // namespace

std::unique_ptr<Attention> make_attention(const DecoderSpec& spec,
                                          int64_t layer,
                                          const ParameterTree& tree) {
  if (spec.latent) return make_latent_attention(spec, layer, tree);
  return std::make_unique<GroupedQueryAttention>(spec, layer, tree);
}

}  // namespace ropewalk

// B batch, T tokens, D hidden size, E (H + 2 Hkv) Dh, H heads.
#include "model/decoder_block.h"

#include <cmath>

#include "ropewalk/ops/attention.h"
#include "ropewalk/ops/linear.h"

namespace ropewalk {
namespace {

// A named group of parameters.
class Section : public torch::nn::Module {};

}  // namespace

DecoderBlock::DecoderBlock(const DecoderSpec& spec, int64_t layer, at::Device device)
    : heads_{spec.num_heads, spec.num_kv_heads, spec.head_dim},
      norm_eps_(spec.norm_eps),
      attention_scale_(1.0 / std::sqrt(static_cast<double>(spec.head_dim))),
      layer_(layer) {
  const int64_t hidden = spec.hidden_size, inner = spec.intermediate_size;
  const int64_t q_width = spec.num_heads * spec.head_dim;
  const int64_t qkv_width = q_width + 2 * spec.num_kv_heads * spec.head_dim;
  const auto weight = [&](at::IntArrayRef shape, bool bias) {
    return std::make_shared<Weight>(shape, bias, device);
  };
  attention_norm_ = register_module("attention_norm", weight({hidden}, false));
  auto attention = register_module("attention", std::make_shared<Section>());
  qkv_ = attention->register_module("qkv", weight({qkv_width, hidden}, spec.attention_bias));
  output_ = attention->register_module("output", weight({hidden, q_width}, spec.attention_bias));
  mlp_norm_ = register_module("mlp_norm", weight({hidden}, false));
  auto mlp = register_module("mlp", std::make_shared<Section>());
  gate_up_ = mlp->register_module("gate_up", weight({2 * inner, hidden}, spec.mlp_bias));
  down_ = mlp->register_module("down", weight({hidden, inner}, spec.mlp_bias));
}

at::Tensor DecoderBlock::forward(const BlockInputs& in) {
  auto [qkv_BTE, residual_BTD] =
      ops::norm_linear(in.hidden_BTD, attention_norm_->weight, norm_eps_, qkv_->linear());
  ops::Heads heads = ops::split_rotary(qkv_BTE, heads_, in.rotary, in.first_position);
  qkv_BTE.reset();  // nothing in backward needs it
  if (in.cache) {
    std::tie(heads.k_BHTD, heads.v_BHTD) = in.cache->append(layer_, heads.k_BHTD, heads.v_BHTD);
  }
  const at::Tensor attended =
      ops::causal_attention(heads.q_BHTD, heads.k_BHTD, heads.v_BHTD, attention_scale_);
  heads = {};
  const at::Tensor middle_BTD = ops::linear_add(residual_BTD, attended, output_->linear());
  const auto [gate_up, middle_residual_BTD] =
      ops::norm_linear(middle_BTD, mlp_norm_->weight, norm_eps_, gate_up_->linear());
  return ops::swiglu_linear_add(middle_residual_BTD, gate_up, down_->linear());
}

}  // namespace ropewalk

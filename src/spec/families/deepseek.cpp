#include "spec/families/deepseek.h"

#include <algorithm>

#include "spec/weight_table.h"

namespace ropewalk {

void read_latent_attention(FamilyReader& in, RopeLayout layout) {
  DecoderSpec& spec = in.spec();
  LatentSpec& latent = spec.latent.emplace();
  latent.q_rank = in.size_or_null("q_lora_rank", 1536).value_or(0);
  latent.kv_rank = in.size("kv_lora_rank", 512);
  latent.nope_dim = in.size("qk_nope_head_dim", 128);
  latent.rope_dim = in.size("qk_rope_head_dim", 64);
  latent.value_dim = in.size("v_head_dim", 128);
  in.ignore({"qk_head_dim", "head_dim"});
  spec.num_kv_heads = spec.num_heads;  // every head has keys of its own
  spec.head_dim = latent.rope_dim;
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.qk_norm_spec = {.eps = 1e-6};  // whatever rms_norm_eps says
  in.rope({.head_dim = latent.rope_dim, .layout = layout});
}

ExpertsSpec& read_deepseek_experts(FamilyReader& in, const FamilyReader::ExpertKeys& keys) {
  DecoderSpec& spec = in.spec();
  ExpertsSpec& experts = in.experts(keys);
  experts.auxiliary_loss = 0.0;  // transformers has none for these models
  const int64_t shared = in.size_or_null("n_shared_experts", 0).value_or(0);
  experts.shared_intermediate_size = shared * experts.intermediate_size;
  const int64_t dense = in.count("first_k_dense_replace", 0);
  for (int64_t i = 0; i < std::min(dense, spec.num_layers); ++i) {
    spec.layers[static_cast<size_t>(i)].experts = false;
  }
  in.expect("moe_layer_freq", {1});
  in.ignore({"ep_size", "seq_aux", "aux_loss_alpha", "pretraining_tp", "num_nextn_predict_layers"});
  return experts;
}

FamilyWeights deepseek_weights(const DecoderSpec& spec) {
  const bool low_rank = spec.latent->q_rank > 0;
  return WeightTable()
      .rename("attention.q_a", {in_layer("self_attn.q_a_proj")})
      .rename("attention.q_a_norm", {in_layer("self_attn.q_a_layernorm")})
      .rename("attention.q", {in_layer(low_rank ? "self_attn.q_b_proj" : "self_attn.q_proj")})
      .rename("attention.kv_a", {in_layer("self_attn.kv_a_proj_with_mqa")})
      .rename("attention.kv_a_norm", {in_layer("self_attn.kv_a_layernorm")})
      .rename("attention.kv_b", {in_layer("self_attn.kv_b_proj")})
      .set("mlp.router.correction", {in_layer("mlp.gate.e_score_correction_bias")})
      .rename("mlp.shared.gate_up",
              {in_layer("mlp.shared_experts.gate_proj"), in_layer("mlp.shared_experts.up_proj")})
      .rename("mlp.shared.down", {in_layer("mlp.shared_experts.down_proj")})
      .take();
}

}  // namespace ropewalk

// HunYuan dense: LLaMA with RMSNorm on queries and keys after they are rotated.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace hunyuan_v1_dense {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "hunyuan_v1_dense", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 290943, .hidden = 4096, .inner = 11008, .layers = 32, .heads = 32});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-5);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.mlp_up_bias = spec.mlp_down_bias = in.flag("mlp_bias", false);
  spec.qk_norm = QkNorm::kHead;
  spec.qk_norm_spec = spec.norm;
  spec.qk_norm_after_rotary = true;
  in.expect("use_qk_norm", {true});
  in.ignore({"pretraining_tp",
             "eod_token_id",
             "sep_token",
             "im_start_id",
             "im_end_id",
             "text_start_id",
             "text_end_id",
             "attention_head_dim",
             "use_cla",
             "norm_type",
             "add_classification_head",
             "class_num",
             "pool_type",
             "org_vocab_size",
             "mask_init_id",
             "cla_share_factor",
             "num_media_embeds"});
  in.tokens(1, 2);
  in.rope({.hears_alpha = true});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .rename("attention.q_norm", {in_layer("self_attn.query_layernorm")})
      .rename("attention.k_norm", {in_layer("self_attn.key_layernorm")})
      .take();
}

}  // namespace hunyuan_v1_dense

Family hunyuan_v1_dense_family() {
  return {"hunyuan_v1_dense",
          "HunYuanDenseV1ForCausalLM",
          hunyuan_v1_dense::from_hf,
          hunyuan_v1_dense::weights};
}

}  // namespace ropewalk

// Gemma 2: Gemma with norms before and after attention and MLP, soft-capped scores and logits, and
// a sliding window in every other layer.
#include <cmath>

#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace gemma2 {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "gemma2", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 256000,
            .hidden = 2304,
            .inner = 9216,
            .layers = 26,
            .heads = 8,
            .kv_heads = 4,
            .head_dim = 256,
            .window = 8192});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_activation", "gelu_pytorch_tanh");
  in.ignore({"hidden_act", "cache_implementation"});
  in.dropout("attention_dropout");
  in.ties(true);
  spec.norm.weight_offset = 1.0;
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.embedding_scale = std::sqrt(static_cast<double>(spec.hidden_size));
  in.expect("use_bidirectional_attention", {false});
  spec.post_norms = true;
  spec.attention_scale = 1.0 / std::sqrt(in.positive("query_pre_attn_scalar", 256.0));
  spec.attention_softcap = in.number_or_null("attn_logit_softcapping", 50.0).value_or(0.0);
  spec.logit_softcap = in.number_or_null("final_logit_softcapping", 30.0).value_or(0.0);
  in.windows(in.size_or_null("sliding_window", 4096), [](int64_t layer) { return layer % 2 == 0; });
  in.tokens(2, 1);
  in.rope();
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return WeightTable()
      .post_norms()
      .rename("mlp_norm", {in_layer("pre_feedforward_layernorm")})
      .take();
}

}  // namespace gemma2

Family gemma2_family() { return {"gemma2", "Gemma2ForCausalLM", gemma2::from_hf, gemma2::weights}; }

}  // namespace ropewalk

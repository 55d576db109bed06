// Phi-3.5-MoE: biased LayerNorms, experts chosen one after the other (SparseMixer), LongRoPE.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace phimoe {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "phimoe", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 32064,
            .hidden = 4096,
            .inner = 6400,
            .layers = 32,
            .heads = 32,
            .kv_heads = 8,
            .window = 131072});
  in.norm(NormKind::kLayer, "rms_norm_eps", 1e-5);
  in.activation("hidden_act", "silu");
  in.ties(false);
  in.dropout("attention_dropout");
  in.dropout("hidden_dropout");
  in.dropout("input_jitter_noise");
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.logit_bias = in.flag("lm_head_bias", false);
  ExpertsSpec& experts =
      in.experts({.default_count = 16, .default_per_token = 2, .default_inner = 6400});
  experts.router = RouterKind::kSparseMixer;
  experts.jitter_eps = in.number("router_jitter_noise", 0.01);
  if (experts.experts_per_token != 2)
    in.fault("num_experts_per_tok", "expected 2: SparseMixer chooses two experts");
  in.window_everywhere(in.size_or_null("sliding_window", std::nullopt));
  in.tokens(1, 2);
  in.rope({.default_theta = 1e6, .hears_mscales = true});
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) { return WeightTable().mixtral_experts().take(); }

}  // namespace phimoe

Family phimoe_family() { return {"phimoe", "PhimoeForCausalLM", phimoe::from_hf, phimoe::weights}; }

}  // namespace ropewalk

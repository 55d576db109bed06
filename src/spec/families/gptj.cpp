// GPT-J: one LayerNorm for attention and MLP side by side, interleaved partial rotary, biases on
// the MLP and the logits. Its config knows no scaling: only our own keys carry it.
#include "spec/families/gptj.h"

#include "spec/families/families.h"

namespace ropewalk {

void read_gptj(FamilyReader& in) {
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 50400, .hidden = 4096, .inner = 0, .layers = 28, .heads = 16},
           {.hidden = "n_embd",
            .inner = "",
            .layers = "n_layer",
            .heads = "n_head",
            .kv_heads = "",
            .window = "n_positions"});
  spec.intermediate_size = in.size("n_inner", 4 * spec.hidden_size);
  in.norm(NormKind::kLayer, "layer_norm_epsilon", 1e-5);
  in.activation("activation_function", "gelu_new");
  in.ties(false);
  for (const char* key : {"resid_pdrop", "embd_pdrop", "attn_pdrop"}) in.dropout(key);
  in.ignore({"n_ctx",
             "rotary",
             "scale_attn_weights",
             "gradient_checkpointing",
             "summary_type",
             "summary_use_proj",
             "summary_activation",
             "summary_proj_to_labels",
             "summary_first_dropout"});
  spec.residual = ResidualKind::kParallelShared;
  spec.gated_mlp = false;
  spec.mlp_up_bias = spec.mlp_down_bias = spec.logit_bias = true;
  in.tokens(50256, 50256);
  const auto dims = in.size_or_null("rotary_dim", 64);
  if (!dims)
    in.fault("rotary_dim", "is null; expected the number of dimensions of a head that turn");
  in.rope({.partial_rotary_allowed = true,
           .layout = RopeLayout::kInterleaved,
           .rotary_dims = dims.value_or(spec.head_dim),
           .window_key = "n_positions",
           .theta_key = "",
           .partial_key = "",
           .scaling_expressible = false});
}

WeightTable gptj_weights() {
  const std::string layer = "transformer.h.{}.";
  return WeightTable()
      .rename("embed_tokens", {"transformer.wte"})
      .rename("attention_norm", {layer + "ln_1"})
      .rename("attention.output", {layer + "attn.out_proj"})
      .rename("mlp.up", {layer + "mlp.fc_in"})
      .rename("mlp.down", {layer + "mlp.fc_out"})
      .rename("norm", {"transformer.ln_f"})
      .ignore({layer + "attn.bias",
               layer + "attn.masked_bias",
               layer + "attn.causal_mask",
               layer + "attn.embed_positions"});
}

namespace gptj {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "gptj", diagnostics);
  read_gptj(in);
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  const std::string layer = "transformer.h.{}.attn.";
  return gptj_weights()
      .rename("attention.qkv", {layer + "q_proj", layer + "k_proj", layer + "v_proj"})
      .take();
}

}  // namespace gptj

Family gptj_family() { return {"gptj", "GPTJForCausalLM", gptj::from_hf, gptj::weights}; }

}  // namespace ropewalk

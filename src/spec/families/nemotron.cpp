// Nemotron and Minitron: LayerNorms whose weights are stored less one, partial rotary, a plain MLP
// with squared ReLU.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace nemotron {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "nemotron", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 256000,
            .hidden = 6144,
            .inner = 24576,
            .layers = 32,
            .heads = 48,
            .head_dim = 128,
            .window = 4096});
  in.norm(NormKind::kLayer, "norm_eps", 1e-5);
  spec.norm.weight_offset = 1.0;
  in.activation("hidden_act", "relu2");
  in.ties(false);
  in.dropout("attention_dropout");
  in.dropout("hidden_dropout");
  spec.gated_mlp = false;
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.mlp_up_bias = spec.mlp_down_bias = in.flag("mlp_bias", false);
  in.tokens(2, 3);
  in.rope({.partial_rotary_allowed = true, .default_partial_rotary_factor = 0.5});
  return in.finish();
}

}  // namespace nemotron

Family nemotron_family() {
  return {"nemotron", "NemotronForCausalLM", nemotron::from_hf, common_weights};
}

}  // namespace ropewalk

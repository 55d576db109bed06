// Arcee AFM: LLaMA with a plain MLP and squared ReLU.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace arcee {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "arcee", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes(
      {.vocab = 32000, .hidden = 2560, .inner = 18432, .layers = 32, .heads = 32, .window = 4096});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-5);
  in.activation("hidden_act", "relu2");
  in.ties(false);
  in.dropout("attention_dropout");
  spec.gated_mlp = false;
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.mlp_up_bias = spec.mlp_down_bias = in.flag("mlp_bias", false);
  in.tokens(128000, 128001);
  in.rope();
  return in.finish();
}

}  // namespace arcee

Family arcee_family() { return {"arcee", "ArceeForCausalLM", arcee::from_hf, common_weights}; }

}  // namespace ropewalk

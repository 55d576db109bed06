// Gemma: embeddings times the root of their width, norm weights stored less one, gated tanh-GELU.
#include <cmath>

#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace gemma {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "gemma", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 256000,
            .hidden = 3072,
            .inner = 24576,
            .layers = 28,
            .heads = 16,
            .kv_heads = 16,
            .head_dim = 256,
            .window = 8192});
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_act", "gelu_pytorch_tanh");
  // transformers takes the tanh form for the first Gemma configs' "gelu", too.
  if (spec.activation == Activation::kGelu) spec.activation = Activation::kGeluTanh;
  in.ignore({"hidden_activation"});
  in.dropout("attention_dropout");
  in.ties(true);
  spec.norm.weight_offset = 1.0;
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.embedding_scale = std::sqrt(static_cast<double>(spec.hidden_size));
  in.expect("use_bidirectional_attention", {false});
  in.tokens(2, 1);
  in.rope();
  return in.finish();
}

}  // namespace gemma

Family gemma_family() { return {"gemma", "GemmaForCausalLM", gemma::from_hf, common_weights}; }

}  // namespace ropewalk

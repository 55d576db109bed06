// LLaMA 1, 2, 3.x and what uses its type (SmolLM, Yi, TinyLlama, DeepSeek-llm): RMSNorm before
// attention and MLP, rotary over whole heads, grouped queries, SwiGLU.
#include "spec/families/families.h"
#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {
namespace llama {

void check_sizes(FamilyReader& in) {
  const DecoderSpec& spec = in.spec();
  if (spec.num_heads > 0 && spec.hidden_size % spec.num_heads != 0) {
    in.fault("hidden_size",
             "found " + std::to_string(spec.hidden_size) +
                 "; expected a multiple of num_attention_heads (" + std::to_string(spec.num_heads) +
                 "), without which transformers does not open a LLaMA model");
  }
  if (spec.head_dim < 2 || spec.head_dim % 2 != 0) {
    in.fault("head_dim",
             "found " + std::to_string(spec.head_dim) +
                 "; expected an even number: rotary positions turn pairs");
  }
}

void read_marks(FamilyReader& in) {
  // Marks that public LLaMA-type models carry and transformers' LLaMA does not read.
  in.ignore({"is_llama_config", "max_sequence_length"});
  in.expect("rope_interleaved", {false});
  in.expect("sliding_window", {});
  in.expect("use_sliding_window", {false});
  in.expect("qk_norm", {false});
  in.expect("use_qk_norm", {false});
  const int64_t slices = in.size("pretraining_tp", 1);
  if (slices != 1) {
    in.remark("pretraining_tp",
              "found " + std::to_string(slices) +
                  "; products are computed whole: the same mathematics, rounded in another order");
  }
}

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "llama", diagnostics);
  DecoderSpec& spec = in.spec();
  in.sizes({.vocab = 32000, .hidden = 4096, .inner = 11008, .layers = 32, .heads = 32});
  check_sizes(in);
  in.norm(NormKind::kRms, "rms_norm_eps", 1e-6);
  in.activation("hidden_act", "silu");
  in.ties(false);
  spec.qkv_bias = spec.output_bias = in.flag("attention_bias", false);
  spec.mlp_up_bias = spec.mlp_down_bias = in.flag("mlp_bias", false);
  in.dropout("attention_dropout");
  read_marks(in);
  in.tokens(1, 2);
  in.rope();
  return in.finish();
}

Json write_hf(const DecoderSpec& spec, const Json& original) {
  Json config = original.is_object() ? original : Json::object();
  if (!config.contains("architectures")) config["architectures"] = {"LlamaForCausalLM"};
  config["model_type"] = spec.model_type;
  config["vocab_size"] = spec.vocab_size;
  config["hidden_size"] = spec.hidden_size;
  config["intermediate_size"] = spec.intermediate_size;
  config["num_hidden_layers"] = spec.num_layers;
  config["num_attention_heads"] = spec.num_heads;
  config["num_key_value_heads"] = spec.num_kv_heads;
  config["head_dim"] = spec.head_dim;
  if (!config.contains("hidden_act")) config["hidden_act"] = "silu";
  config["rms_norm_eps"] = spec.norm.eps;
  config["tie_word_embeddings"] = spec.tied_embeddings;
  config["attention_bias"] = spec.qkv_bias;
  config["attention_dropout"] = spec.dropouts.empty() ? 0.0 : spec.dropouts.front().second;
  config["mlp_bias"] = spec.mlp_up_bias;
  config["initializer_range"] = spec.initializer_range;
  write_token_id(spec.bos_token_id, "bos_token_id", config);
  write_token_ids(spec.eos_token_ids, "eos_token_id", config);
  write_hf_rope(spec.rope, config);
  return config;
}

}  // namespace llama

Family llama_family() {
  return {"llama", "LlamaForCausalLM", llama::from_hf, common_weights, llama::write_hf};
}

}  // namespace ropewalk

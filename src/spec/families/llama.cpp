// LLaMA 1, 2, 3.x and what uses its type (SmolLM, Yi, TinyLlama, DeepSeek-llm): RMSNorm before
// attention and MLP, rotary over whole heads, grouped queries, SwiGLU.
#include "spec/families/llama.h"

#include "ropewalk/base/text.h"
#include "ropewalk/rope/json_values.h"
#include "spec/config_keys.h"

namespace ropewalk {
namespace {

constexpr int64_t kDefaultWindow = 2048;

const ConfigKeys& keys() {
  static const ConfigKeys keys = [] {
    ConfigKeys all = common_config_keys();
    all.read.insert(all.read.end(),
                    {"vocab_size",
                     "hidden_size",
                     "intermediate_size",
                     "num_hidden_layers",
                     "num_attention_heads",
                     "num_key_value_heads",
                     "head_dim",
                     "rms_norm_eps",
                     "hidden_act",
                     "tie_word_embeddings",
                     "attention_bias",
                     "mlp_bias",
                     "attention_dropout",
                     "initializer_range",
                     "bos_token_id",
                     "eos_token_id",
                     "pretraining_tp"});
    // Marks that public LLaMA-type models carry and transformers' LLaMA does not read.
    all.inert.insert(all.inert.end(), {"is_llama_config", "max_sequence_length"});
    all.neutral.insert(all.neutral.end(),
                       {{"rope_interleaved", {false}},
                        {"sliding_window", {}},
                        {"use_sliding_window", {false}},
                        {"qk_norm", {false}},
                        {"use_qk_norm", {false}}});
    return all;
  }();
  return keys;
}

void read_sizes(const JsonValues& values, DecoderSpec& spec) {
  // transformers' defaults for what is missing.
  spec.vocab_size = values.positive_integer("vocab_size").value_or(32000);
  spec.hidden_size = values.positive_integer("hidden_size").value_or(4096);
  spec.intermediate_size = values.positive_integer("intermediate_size").value_or(11008);
  spec.num_layers = values.positive_integer("num_hidden_layers").value_or(32);
  spec.num_heads = values.positive_integer("num_attention_heads").value_or(32);
  spec.num_kv_heads = values.positive_integer("num_key_value_heads").value_or(spec.num_heads);
  spec.head_dim = values.positive_integer("head_dim").value_or(spec.hidden_size / spec.num_heads);
  if (spec.num_heads % spec.num_kv_heads != 0) {
    values.fault("num_key_value_heads",
                 "found " + std::to_string(spec.num_kv_heads) +
                     "; expected a divisor of num_attention_heads (" +
                     std::to_string(spec.num_heads) + ")");
  }
  if (spec.hidden_size % spec.num_heads != 0) {
    values.fault("hidden_size",
                 "found " + std::to_string(spec.hidden_size) +
                     "; expected a multiple of num_attention_heads (" +
                     std::to_string(spec.num_heads) +
                     "), without which transformers does not open a LLaMA model");
  }
  if (spec.head_dim < 2 || spec.head_dim % 2 != 0) {
    values.fault("head_dim",
                 "found " + std::to_string(spec.head_dim) +
                     "; expected an even number: rotary positions turn pairs");
  }
}

void read_arithmetic(const JsonValues& values, DecoderSpec& spec) {
  spec.norm_eps = values.number_above_zero("rms_norm_eps").value_or(1e-6);
  spec.tied_embeddings = values.boolean("tie_word_embeddings").value_or(false);
  spec.attention_bias = values.boolean("attention_bias").value_or(false);
  spec.mlp_bias = values.boolean("mlp_bias").value_or(false);
  spec.attention_dropout = values.number("attention_dropout").value_or(0.0);
  if (!(spec.attention_dropout >= 0.0 && spec.attention_dropout < 1.0)) {
    values.fault("attention_dropout",
                 "found " + format_number(spec.attention_dropout) + "; expected 0 <= x < 1");
  }
  spec.initializer_range = values.number("initializer_range").value_or(0.02);
  if (!(spec.initializer_range >= 0.0 && spec.initializer_range <= 1.0)) {
    values.fault("initializer_range",
                 "found " + format_number(spec.initializer_range) + "; expected 0 to 1");
  }
  const auto activation = values.text("hidden_act");
  if (activation && *activation != "silu" && *activation != "swish") {
    values.fault("hidden_act", "found \"" + *activation + "\"; only silu is supported");
  }
  const auto slices = values.positive_integer("pretraining_tp");
  if (slices && *slices != 1) {
    values.remark("pretraining_tp",
                  "found " + std::to_string(*slices) +
                      "; products are computed whole: the same mathematics, "
                      "rounded in another order");
  }
}

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  SpecReading reading;
  DecoderSpec& spec = reading.spec;
  spec.model_type = "llama";
  check_config_keys(config, keys(), diagnostics);
  const JsonValues values(config, "", diagnostics);
  read_sizes(values, spec);
  read_arithmetic(values, spec);
  spec.bos_token_id = read_token_id(config, "bos_token_id", 1, spec.vocab_size, diagnostics);
  spec.eos_token_ids = read_token_ids(config, "eos_token_id", 2, spec.vocab_size, diagnostics);

  RopeContext context;
  context.head_dim = spec.head_dim;
  context.max_position_embeddings =
      values.positive_integer("max_position_embeddings").value_or(kDefaultWindow);
  reading.rope = read_hf_rope(config, context, diagnostics);
  spec.rope = reading.rope.now;
  return reading;
}

Json to_hf(const DecoderSpec& spec, const Json& original) {
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
  config["hidden_act"] = "silu";
  config["rms_norm_eps"] = spec.norm_eps;
  config["tie_word_embeddings"] = spec.tied_embeddings;
  config["attention_bias"] = spec.attention_bias;
  config["attention_dropout"] = spec.attention_dropout;
  config["mlp_bias"] = spec.mlp_bias;
  config["initializer_range"] = spec.initializer_range;
  write_token_id(spec.bos_token_id, "bos_token_id", config);
  write_token_ids(spec.eos_token_ids, "eos_token_id", config);
  write_hf_rope(spec.rope, config);
  return config;
}

const FamilyWeights& weights() {
  using enum WeightSize;
  using enum WeightWhen;
  static const FamilyWeights weights = {
      .before = {{"embed_tokens.weight", {{"model.embed_tokens.weight", kVocab}}}},
      .layer =
          {
              {"attention_norm.weight",
               {{"model.layers.{}.input_layernorm.weight", kHidden}},
               false},
              {"attention.qkv.weight",
               {{"model.layers.{}.self_attn.q_proj.weight", kQuery},
                {"model.layers.{}.self_attn.k_proj.weight", kKeyValue},
                {"model.layers.{}.self_attn.v_proj.weight", kKeyValue}}},
              {"attention.qkv.bias",
               {{"model.layers.{}.self_attn.q_proj.bias", kQuery},
                {"model.layers.{}.self_attn.k_proj.bias", kKeyValue},
                {"model.layers.{}.self_attn.v_proj.bias", kKeyValue}},
               false,
               kHidden,
               kAttentionBias},
              {"attention.output.weight",
               {{"model.layers.{}.self_attn.o_proj.weight", kHidden}},
               true,
               kQuery},
              {"attention.output.bias",
               {{"model.layers.{}.self_attn.o_proj.bias", kHidden}},
               false,
               kHidden,
               kAttentionBias},
              {"mlp_norm.weight",
               {{"model.layers.{}.post_attention_layernorm.weight", kHidden}},
               false},
              {"mlp.gate_up.weight",
               {{"model.layers.{}.mlp.gate_proj.weight", kInner},
                {"model.layers.{}.mlp.up_proj.weight", kInner}}},
              {"mlp.gate_up.bias",
               {{"model.layers.{}.mlp.gate_proj.bias", kInner},
                {"model.layers.{}.mlp.up_proj.bias", kInner}},
               false,
               kHidden,
               kMlpBias},
              {"mlp.down.weight",
               {{"model.layers.{}.mlp.down_proj.weight", kHidden}},
               true,
               kInner},
              {"mlp.down.bias",
               {{"model.layers.{}.mlp.down_proj.bias", kHidden}},
               false,
               kHidden,
               kMlpBias},
          },
      .after = {{"norm.weight", {{"model.norm.weight", kHidden}}, false},
                {"lm_head.weight", {{"lm_head.weight", kVocab}}, true, kHidden, kUntied}},
      .ignored = {"model.layers.*.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq"},
      .ignored_when_tied = {"lm_head.weight"},
  };
  return weights;
}

}  // namespace

Family llama_family() { return {"llama", "LlamaForCausalLM", from_hf, to_hf, weights}; }

}  // namespace ropewalk

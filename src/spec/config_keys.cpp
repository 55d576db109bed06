#include "spec/config_keys.h"

#include <algorithm>

#include "ropewalk/base/text.h"
#include "ropewalk/rope/hf_rope.h"

namespace ropewalk {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> inert_keys() {
  return {// Provenance, tools, remote code that is not run here.
          "_name_or_path",
          "_commit_hash",
          "_from_model_config",
          "transformers_version",
          "architectures",
          "auto_map",
          "custom_pipelines",
          "transformers.js_config",
          "unsloth_version",
          "unsloth_fixed",
          "tokenizer_class",
          "prefix",
          "task_specific_params",
          "finetuning_task",
          // How transformers runs it.
          "dtype",
          "torch_dtype",
          "use_cache",
          "torchscript",
          "use_bfloat16",
          "return_dict",
          "return_dict_in_generate",
          "output_attentions",
          "output_hidden_states",
          "output_scores",
          "attn_implementation",
          "_attn_implementation",
          "_attn_implementation_autoset",
          "_attn_implementation_internal",
          "_experts_implementation",
          "use_flash_attention",
          "use_flash_attn",
          "_flash_attn_2_enabled",
          "tf_legacy_loss",
          "chunk_size_feed_forward",
          "gradient_checkpointing",
          // Classification heads.
          "id2label",
          "label2id",
          "num_labels",
          "problem_type",
          "classifier_dropout",
          // Tokens and generation defaults.
          "pad_token_id",
          "sep_token_id",
          "decoder_start_token_id",
          "max_length",
          "min_length",
          "do_sample",
          "early_stopping",
          "num_beams",
          "num_beam_groups",
          "diversity_penalty",
          "temperature",
          "top_k",
          "top_p",
          "typical_p",
          "repetition_penalty",
          "length_penalty",
          "no_repeat_ngram_size",
          "encoder_no_repeat_ngram_size",
          "bad_words_ids",
          "num_return_sequences",
          "forced_bos_token_id",
          "forced_eos_token_id",
          "remove_invalid_values",
          "exponential_decay_length_penalty",
          "suppress_tokens",
          "begin_suppress_tokens"};
}

bool is_neutral(const NeutralKey& key, const Json& value) {
  return value.is_null() ||
         std::find(key.values.begin(), key.values.end(), value) != key.values.end();
}

void check_token(int64_t id, const std::string& key, int64_t vocab_size, Diagnostics& diagnostics) {
  if (id < 0 || id >= vocab_size) {
    diagnostics.warning(key,
                        "found " + std::to_string(id) + ", which is no token of a vocabulary of " +
                            std::to_string(vocab_size) + "; it is treated as absent");
  }
}

}  // namespace

const ConfigKeys& common_config_keys() {
  static const ConfigKeys keys = [] {
    ConfigKeys all;
    all.read = hf_rope_keys();
    all.read.push_back("model_type");
    all.inert = inert_keys();
    all.neutral = {{"is_encoder_decoder", {false}},
                   {"is_decoder", {false, true}},
                   {"add_cross_attention", {false}},
                   {"cross_attention_hidden_size", {}},
                   {"tie_encoder_decoder", {false}},
                   {"pruned_heads", {Json::object()}}};
    return all;
  }();
  return keys;
}

void check_config_keys(const Json& config, const ConfigKeys& keys, Diagnostics& diagnostics) {
  for (const auto& [key, value] : config.items()) {
    if (contains(keys.read, key) || contains(keys.inert, key)) continue;
    const auto neutral = std::find_if(
        keys.neutral.begin(), keys.neutral.end(), [&, &name = key](const NeutralKey& known) {
          return known.name == name;
        });
    if (neutral != keys.neutral.end()) {
      if (!is_neutral(*neutral, value)) {
        diagnostics.error(key,
                          "found " + value.dump() + ", which is not supported for this model_type");
      }
      continue;
    }
    if (key == "layer_types" && value.is_array() &&
        std::all_of(value.begin(), value.end(), [](const Json& type) {
          return type == "full_attention";
        })) {
      continue;
    }
    if (value.is_null()) continue;
    const auto nearest = nearest_name(key, keys.read);
    diagnostics.error(key,
                      "is not a field that this model_type understands" +
                          (nearest ? "; did you mean \"" + *nearest + "\"?" : std::string()) +
                          "; it could change the arithmetic: remove it if it does not");
  }
}

std::optional<int64_t> read_token_id(const Json& config,
                                     const std::string& key,
                                     int64_t fallback,
                                     int64_t vocab_size,
                                     Diagnostics& diagnostics) {
  const std::vector<int64_t> ids = read_token_ids(config, key, fallback, vocab_size, diagnostics);
  if (ids.empty()) return std::nullopt;
  return ids.front();
}

std::vector<int64_t> read_token_ids(const Json& config,
                                    const std::string& key,
                                    int64_t fallback,
                                    int64_t vocab_size,
                                    Diagnostics& diagnostics) {
  std::vector<int64_t> found;
  const auto at = config.find(key);
  if (at == config.end()) {
    found = {fallback};
  } else if (at->is_number_integer()) {
    found = {at->get<int64_t>()};
  } else if (at->is_array() && std::all_of(at->begin(), at->end(), [](const Json& id) {
               return id.is_number_integer();
             })) {
    found = at->get<std::vector<int64_t>>();
  } else if (!at->is_null()) {
    diagnostics.error(key,
                      "found " + at->dump() + "; expected a token id, a list of them, or null");
  }
  std::vector<int64_t> ids;
  for (const int64_t id : found) {
    // transformers writes -1 for "none" in some models.
    if (at != config.end()) check_token(id, key, vocab_size, diagnostics);
    if (id >= 0 && id < vocab_size) ids.push_back(id);
  }
  return ids;
}

void write_token_id(const std::optional<int64_t>& id, const std::string& key, Json& config) {
  config[key] = id ? Json(*id) : Json(nullptr);
}

void write_token_ids(const std::vector<int64_t>& ids, const std::string& key, Json& config) {
  if (ids.empty()) {
    config[key] = nullptr;
  } else if (ids.size() == 1) {
    config[key] = ids.front();
  } else {
    config[key] = ids;
  }
}

}  // namespace ropewalk

// Rules of section `model` that need no checkpoint.
#include <algorithm>

#include "ropewalk/base/text.h"
#include "ropewalk/config/fields.h"
#include "ropewalk/spec/model_config.h"

namespace ropewalk {
namespace {

template <typename Keys>
std::vector<std::string> given_keys(const Keys& config) {
  std::vector<std::string> names;
  for_each_field<Keys>([&](const auto& field) {
    const auto& value = config.*field.member;
    if constexpr (requires { value.has_value(); }) {
      if (value.has_value()) names.emplace_back(field.name);
    }
  });
  return names;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_source(const ModelConfig& model, Diagnostics& d) {
  const std::vector<std::string> architecture =
      given_keys(static_cast<const ArchitectureConfig&>(model));
  if (model.pretrained) {
    if (architecture.empty()) return;
    d.error("pretrained",
            "stands beside " + join(architecture, ", ") +
                ": a checkpoint brings its own architecture. Remove these keys, or remove "
                "`pretrained` to train from scratch");
    return;
  }
  if (architecture.empty()) {
    d.error("",
            "names no model: give `pretrained` (folder of a checkpoint), or `model_type`, "
            "`vocab_size`, `hidden_size`, ... to train from scratch");
    return;
  }
  for (const char* key : {"model_type",
                          "vocab_size",
                          "hidden_size",
                          "intermediate_size",
                          "num_hidden_layers",
                          "num_attention_heads"}) {
    if (!contains(architecture, key)) d.error(key, "is missing; a model from scratch needs it");
  }
  if (!model.max_position_embeddings) {
    d.error("max_position_embeddings", "is missing; a model from scratch needs it");
  }
}

void check_heads(const ModelConfig& model, Diagnostics& d) {
  const auto heads = model.num_attention_heads;
  const auto kv_heads = model.num_key_value_heads;
  if (heads && kv_heads && *heads % *kv_heads != 0) {
    d.error("num_key_value_heads",
            "found " + std::to_string(*kv_heads) + ", expected a divisor of num_attention_heads (" +
                std::to_string(*heads) + ")");
  }
  if (heads && model.hidden_size && !model.head_dim && *model.hidden_size % *heads != 0) {
    d.error("hidden_size",
            "found " + std::to_string(*model.hidden_size) +
                ", expected a multiple of num_attention_heads (" + std::to_string(*heads) +
                "), or give `head_dim`");
  }
  const bool derivable = heads && model.hidden_size && *model.hidden_size % *heads == 0;
  const int64_t head_dim = model.head_dim ? *model.head_dim
                           : derivable    ? *model.hidden_size / *heads
                                          : 0;
  if (head_dim % 2 != 0) {
    d.error("head_dim",
            "found " + std::to_string(head_dim) +
                ", expected an even number: rotary embeddings turn pairs of dimensions");
  }
  for (const auto& [key, id] : {std::pair{"bos_token_id", model.bos_token_id},
                                std::pair{"eos_token_id", model.eos_token_id}}) {
    if (id && model.vocab_size && *id >= *model.vocab_size) {
      d.error(key,
              "found " + std::to_string(*id) + ", expected an id below vocab_size (" +
                  std::to_string(*model.vocab_size) + ")");
    }
  }
}

struct Extra {
  const char* key;
  const char* kinds;  // separated by '|'
};

constexpr Extra kExtras[] = {
    {"attention_factor", "yarn|longrope"},
    {"beta_fast", "yarn"},
    {"beta_slow", "yarn"},
    {"mscale", "yarn"},
    {"mscale_all_dim", "yarn"},
    {"truncate", "yarn"},
    {"low_freq_factor", "llama3"},
    {"high_freq_factor", "llama3"},
    {"short_factor", "longrope"},
    {"long_factor", "longrope"},
};

// A key that would be ignored is an error.
void check_extras(const ModelConfig& model, Diagnostics& d) {
  const std::vector<std::string> given = given_keys(static_cast<const ScalingConfig&>(model));
  for (const Extra& extra : kExtras) {
    if (!model.pos_scaling_type || !contains(given, extra.key)) continue;
    const std::vector<std::string> kinds = split(extra.kinds, '|');
    if (contains(kinds, *model.pos_scaling_type)) continue;
    d.error(extra.key,
            "belongs to pos_scaling_type " + join(kinds, " or ") + ", found " +
                *model.pos_scaling_type + "; remove it or change the type");
  }
  if (model.mscale.has_value() != model.mscale_all_dim.has_value()) {
    d.error(model.mscale ? "mscale" : "mscale_all_dim",
            "has an effect only together with " +
                std::string(model.mscale ? "mscale_all_dim" : "mscale") + "; give both or neither");
  }
  if (model.low_freq_factor && model.high_freq_factor &&
      *model.low_freq_factor >= *model.high_freq_factor) {
    d.error("low_freq_factor",
            "found " + format_number(*model.low_freq_factor) + ", expected less than " +
                "high_freq_factor (" + format_number(*model.high_freq_factor) + ")");
  }
  if (model.pos_scaling_type == "default" && model.pos_scaling_factor.value_or(1.0) != 1.0) {
    d.error("pos_scaling_type",
            "found default (no scaling) beside pos_scaling_factor " +
                format_number(*model.pos_scaling_factor) +
                "; write linear for Position Interpolation, or remove the factor");
  }
}

}  // namespace

void ModelConfig::check(Diagnostics& d) const {
  check_source(*this, d);
  check_heads(*this, d);
  check_extras(*this, d);
}

}  // namespace ropewalk

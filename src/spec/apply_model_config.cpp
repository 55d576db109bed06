// The run config's `model` section upon a checkpoint, or by itself.
#include <algorithm>

#include "ropewalk/base/collect_faults.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/rope/scaling.h"
#include "ropewalk/spec/hf_model.h"
#include "ropewalk/spec/model_config.h"

namespace ropewalk {
namespace {

std::optional<RopeKind> asked_kind(const ModelConfig& model, Diagnostics& diagnostics) {
  if (!model.pos_scaling_type) return std::nullopt;
  const auto kind = parse_rope_kind(*model.pos_scaling_type);
  if (!kind) {
    diagnostics.error("model.pos_scaling_type",
                      "found \"" + *model.pos_scaling_type + "\"; expected one of " +
                          join(rope_kind_names(), ", "));
  }
  return kind;
}

ScalingRequest request_of(const ModelConfig& model, Diagnostics& diagnostics) {
  ScalingRequest request;
  request.max_position_embeddings = model.max_position_embeddings;
  request.original_max_position_embeddings = model.original_max_position_embeddings;
  request.pos_scaling_factor = model.pos_scaling_factor;
  request.pos_scaling_type = asked_kind(model, diagnostics);
  request.rope_theta = model.rope_theta;
  request.attention_factor = model.attention_factor;
  request.beta_fast = model.beta_fast;
  request.beta_slow = model.beta_slow;
  request.mscale = model.mscale;
  request.mscale_all_dim = model.mscale_all_dim;
  request.truncate = model.truncate;
  request.low_freq_factor = model.low_freq_factor;
  request.high_freq_factor = model.high_freq_factor;
  request.short_factor = model.short_factor;
  request.long_factor = model.long_factor;
  request.allow_linear_over_native = model.allow_linear_over_native;
  return request;
}

bool asks_for_positions(const ModelConfig& model) {
  return model.max_position_embeddings || model.original_max_position_embeddings ||
         model.pos_scaling_factor || model.pos_scaling_type || model.rope_theta;
}

template <typename T>
void fall_back(std::optional<T>& asked, const T& trained, const T& edited) {
  if (!asked && trained != edited) asked = edited;
}

// An edit of config.json by hand is a request like any other; the run config's own words win.
void add_edits(const HfModel& base, ScalingRequest& request) {
  const RopeParameters& trained = base.trained_rope;
  const RopeParameters& now = base.spec.rope;
  const bool kind_is_open = !request.pos_scaling_type && !request.pos_scaling_factor;
  if (kind_is_open && (trained.kind != now.kind || trained.factor != now.factor)) {
    request.pos_scaling_type = now.kind;
    request.pos_scaling_factor = now.factor;
    ask_for_extras_of(now, request);
  } else if (kind_is_open && base.factor_edited) {
    request.pos_scaling_factor = now.factor;
  }
  fall_back(request.max_position_embeddings,
            trained.max_position_embeddings,
            now.max_position_embeddings);
  fall_back(request.original_max_position_embeddings,
            trained.original_max_position_embeddings,
            now.original_max_position_embeddings);
  fall_back(request.rope_theta, trained.theta, now.theta);
}

// What config.json itself says is told under its name.
void merge_under_file(const std::filesystem::path& file,
                      const Diagnostics& found,
                      Diagnostics& diagnostics) {
  const std::string name = file.string() + ": ";
  for (const auto& item : found.errors()) diagnostics.error(name + item.where, item.text);
  for (const auto& item : found.warnings()) diagnostics.warning(name + item.where, item.text);
}

template <typename T>
void put(Json& config, const char* key, const std::optional<T>& value) {
  if (value) config[key] = *value;
}

Json scratch_config(const ModelConfig& model) {
  Json config = Json::object();
  put(config, "model_type", model.model_type);
  put(config, "vocab_size", model.vocab_size);
  put(config, "hidden_size", model.hidden_size);
  put(config, "intermediate_size", model.intermediate_size);
  put(config, "num_hidden_layers", model.num_hidden_layers);
  put(config, "num_attention_heads", model.num_attention_heads);
  put(config, "num_key_value_heads", model.num_key_value_heads);
  put(config, "head_dim", model.head_dim);
  put(config, "rms_norm_eps", model.rms_norm_eps);
  put(config, "tie_word_embeddings", model.tie_word_embeddings);
  put(config, "attention_bias", model.attention_bias);
  put(config, "mlp_bias", model.mlp_bias);
  put(config, "initializer_range", model.initializer_range);
  put(config, "max_position_embeddings", model.max_position_embeddings);
  put(config, "rope_theta", model.rope_theta);
  // Absent would mean LLaMA's own ids.
  config["bos_token_id"] = model.bos_token_id ? Json(*model.bos_token_id) : Json(nullptr);
  config["eos_token_id"] = model.eos_token_id ? Json(*model.eos_token_id) : Json(nullptr);
  return config;
}

// L of a model that is yet to be trained: stated, or the window divided by the factor.
int64_t scratch_original(const ModelConfig& model, int64_t window) {
  if (model.original_max_position_embeddings) return *model.original_max_position_embeddings;
  const double factor = model.pos_scaling_factor.value_or(1.0);
  if (!(factor > 1.0)) return window;
  return std::max<int64_t>(1,
                           static_cast<int64_t>(static_cast<double>(window) / factor + 0.999999));
}

HfModel make_scratch(const ModelConfig& model, Diagnostics& diagnostics) {
  HfModel base;
  base.config = scratch_config(model);
  base.family = &find_family(model.model_type.value_or(""), "model.model_type");
  Diagnostics faults;
  const SpecReading reading = base.family->from_hf(base.config, faults);
  base.spec = reading.spec;
  diagnostics.merge(faults, "model");
  RopeParameters& rope = base.spec.rope;
  rope.original_max_position_embeddings = scratch_original(model, rope.max_position_embeddings);
  rope.max_position_embeddings = rope.original_max_position_embeddings;
  base.trained_rope = rope;
  return base;
}

HfModel load_base(const ModelConfig& model, Diagnostics& diagnostics) {
  std::error_code ignored;
  if (std::filesystem::exists(*model.pretrained, ignored)) {
    return load_hf_model(*model.pretrained, &diagnostics);
  }
  throw ConfigError("found \"" + *model.pretrained +
                    "\", which does not exist; expected a folder with config.json and safetensors "
                    "files");
}

}  // namespace

HfModel apply_model_config(const HfModel& base,
                           const ModelConfig& model,
                           Diagnostics& diagnostics) {
  ScalingRequest request = request_of(model, diagnostics);
  add_edits(base, request);
  const bool edits_ask = !asks_for_positions(model) && !(base.trained_rope == base.spec.rope);
  if (edits_ask) request.where = "";
  HfModel out = base;
  Diagnostics found;
  out.spec.rope = resolve_scaling(base.trained_rope, request, found);
  if (found.ok()) out.config = base.family->to_hf(out.spec, base.config);
  if (edits_ask) {
    merge_under_file(base.path / "config.json", found, diagnostics);
  } else {
    diagnostics.merge(found);
  }
  return out;
}

std::optional<HfModel> read_model(const ModelConfig& model, Diagnostics& diagnostics) {
  HfModel base;
  const size_t errors_before = diagnostics.errors().size();
  collect_faults(diagnostics, model.pretrained ? "model.pretrained" : "", [&] {
    base = model.pretrained ? load_base(model, diagnostics) : make_scratch(model, diagnostics);
  });
  if (diagnostics.errors().size() != errors_before) return std::nullopt;
  return apply_model_config(base, model, diagnostics);
}

HfModel resolve_model(const ModelConfig& model, const std::string& source, Diagnostics* remarks) {
  Diagnostics diagnostics;
  const std::optional<HfModel> resolved = read_model(model, diagnostics);
  diagnostics.throw_if_errors<ConfigError>(source);
  if (remarks) remarks->merge(diagnostics);
  return *resolved;
}

}  // namespace ropewalk

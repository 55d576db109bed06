#include "ropewalk/spec/peft_adapter.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/spec/family.h"

namespace ropewalk {
namespace {

constexpr const char* kAdapterConfig = "adapter_config.json";
constexpr const char* kHashKey = "weights_hash";
constexpr const char* kAdapterWeights = "adapter_model.safetensors";

// Entries that say nothing about what the tensors mean, or what the tensors say themselves.
const std::set<std::string>& harmless_entries() {
  static const std::set<std::string> entries = {"auto_mapping",
                                                "base_model_name_or_path",
                                                "ensure_weight_tying",
                                                "eva_config",
                                                "exclude_modules",
                                                "inference_mode",
                                                "init_lora_weights",
                                                "layers_pattern",
                                                "layers_to_transform",
                                                "lora_alpha",
                                                "lora_dropout",
                                                "megatron_core",
                                                "modules_to_save",
                                                "peft_type",
                                                "peft_version",
                                                "qalora_group_size",
                                                "r",
                                                "revision",
                                                "runtime_config",
                                                "target_modules",
                                                "task_type",
                                                "use_rslora"};
  return entries;
}

bool is_off(const Json& value) {
  if (value.is_object() || value.is_array() || value.is_null()) return value.empty();
  return value == false || value == "none" || value == "" || value == 0;
}

// Other ways to initialise change the base weights, which the adapter then does not fit.
bool leaves_base_alone(const Json& init) {
  return init.is_boolean() || init == "gaussian" || init == "eva" || init == "orthogonal";
}

void check_entries(const Json& config, Diagnostics& faults) {
  const Json type = config.value("peft_type", Json());
  if (type != "LORA") {
    faults.error("peft_type", "found " + type.dump() + ", expected \"LORA\"");
  }
  for (const auto& [key, value] : config.items()) {
    if (harmless_entries().contains(key) || is_off(value)) continue;
    faults.error(key,
                 "found " + value.dump() +
                     ", expected it off: only plain LoRA is understood. Merge the adapter with "
                     "peft (merge_and_unload) and use the model that this gives");
  }
  const Json init = config.value("init_lora_weights", Json(true));
  if (!leaves_base_alone(init)) {
    faults.error("init_lora_weights",
                 "found " + init.dump() +
                     ", which stands for base weights that were changed beside the adapter; save "
                     "it with peft's path_initial_model_for_weight_conversion");
  }
}

std::string shape_of(const std::vector<int64_t>& shape) {
  std::vector<std::string> sizes;
  for (const int64_t size : shape) sizes.push_back(std::to_string(size));
  return "[" + join(sizes, ", ") + "]";
}

// Collects faults of the tensors of one adapter.
class AdapterCheck {
 public:
  AdapterCheck(const PeftAdapter& adapter, Diagnostics& faults)
      : adapter_(adapter), faults_(faults) {}

  bool has(const std::string& name) const { return adapter_.file->find(name) != nullptr; }

  void expect(const std::string& name, const std::vector<int64_t>& shape) {
    known_.insert(name);
    const TensorInfo* found = adapter_.file->find(name);
    if (found == nullptr) {
      return faults_.error(name, "is missing; expected shape " + shape_of(shape));
    }
    const bool plain = found->dtype == DType::kF32 || found->dtype == DType::kF16 ||
                       found->dtype == DType::kBF16 || found->dtype == DType::kF64;
    if (found->shape == shape && plain) return;
    faults_.error(name,
                  "is " + describe(*found) + ", expected floating-point numbers of shape " +
                      shape_of(shape) + ": the adapter is another model's, or of another rank");
  }

  void refuse(const std::string& name, const std::string& reason) {
    known_.insert(name);
    faults_.error(name, reason);
  }

  // A tied weight that was trained as the input's alone cannot be told from the output's here.
  void expect_replaced(const std::string& name, const WeightSlice& slice, bool is_tied) {
    expect(name, slice.shape);
    if (!is_tied || adapter_.ties_embeddings) return;
    faults_.error(name,
                  "is the embedding of a model whose output is tied to it, but the adapter's "
                  "ensure_weight_tying is off: its output is the base model's. Untie the base "
                  "model first (tie_word_embeddings false)");
  }

  // The embedding once more, as PEFT stores it for the output that it is tied to.
  void pass_tied_output(const DecoderSpec& spec) {
    if (!adapter_.ties_embeddings) return;
    for (const std::string& weight : tied_output_weights(spec)) {
      const std::string name = kPeftPrefix + weight;
      if (has(name)) expect(name, {spec.vocab_size, spec.hidden_size});
    }
  }

  void refuse_left_over(const std::string& hint) {
    for (const TensorInfo& info : adapter_.file->tensors()) {
      if (known_.contains(info.name)) continue;
      faults_.error(info.name, "(" + describe(info) + ") is left over: " + hint);
    }
  }

 private:
  const PeftAdapter& adapter_;
  Diagnostics& faults_;
  std::set<std::string> known_;
};

bool is_tied_embedding(const DecoderSpec& spec, const WeightEntry& entry) {
  return spec.tied_embeddings && entry.name == "embed_tokens.weight";
}

bool is_update(const std::string& parameter) {
  return parameter.ends_with(kLoraA) || parameter.ends_with(kLoraB);
}

std::string module_of(const std::string& weight) { return weight.substr(0, weight.rfind('.')); }

// PEFT takes every module whose name ends with one of modules_to_save and wants its values: last
// words, unless they would mean a module that is not saved.
std::set<std::string> saved_modules(const DecoderSpec& spec,
                                    const std::vector<std::string>& saved) {
  std::set<std::string> modules, others, names;
  for (const std::string& weight : saved) modules.insert(module_of(weight));
  for (const WeightEntry& entry : weight_map(without_lora(spec))) {
    for (const WeightSlice& slice : entry.slices) others.insert(module_of(slice.foreign_name));
  }
  for (const std::string& module : modules) others.erase(module);
  for (const std::string& module : modules) {
    const std::string last = module.substr(module.rfind('.') + 1);
    const bool means_others = std::any_of(
        others.begin(), others.end(), [&](const auto& other) { return other.ends_with(last); });
    names.insert(means_others ? module : last);
  }
  return names;
}

bool holds_tied_embedding(const DecoderSpec& spec, const std::vector<std::string>& saved) {
  for (const WeightEntry& entry : weight_map(without_lora(spec))) {
    if (!is_tied_embedding(spec, entry)) continue;
    const std::string& name = entry.slices.front().foreign_name;
    return std::find(saved.begin(), saved.end(), name) != saved.end();
  }
  return false;
}

void check_settings(const PeftAdapter& adapter, const LoraConfig& lora, Diagnostics& faults) {
  const auto compare = [&](const char* key, const std::string& found, const std::string& wanted) {
    if (found == wanted) return;
    faults.error(std::string("lora.") + key,
                 "found " + found + ", the adapter in " + adapter.folder.string() + " has " +
                     wanted + "; set it to that, or start from another adapter");
  };
  compare("rank", std::to_string(lora.rank), std::to_string(adapter.rank));
  compare("alpha", format_number(lora.alpha), format_number(adapter.alpha));
  compare("use_rslora", lora.use_rslora ? "true" : "false", adapter.use_rslora ? "true" : "false");
}

std::optional<std::string> read_base_weights(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  const Json json = read_json_file(path);
  const Json hash = json.is_object() ? json.value(kHashKey, Json()) : Json();
  if (hash.is_string()) return hash.get<std::string>();
  throw ConfigError(path.string() + ": " + kHashKey + ": found " + hash.dump() +
                    ", expected a text. Remove the file if the base is known to be right");
}

}  // namespace

double PeftAdapter::scale() const {
  const auto r = static_cast<double>(rank);
  return alpha / (use_rslora ? std::sqrt(r) : r);
}

PeftAdapter open_peft_adapter(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kAdapterConfig;
  if (!std::filesystem::is_regular_file(path)) {
    throw ConfigError(folder.string() + ": has no " + kAdapterConfig +
                      "; expected a folder that peft's save_pretrained wrote");
  }
  const Json config = read_json_file(path);
  if (!config.is_object()) throw ConfigError(path.string() + ": is no JSON object");
  Diagnostics faults;
  check_entries(config, faults);
  PeftAdapter adapter{.folder = folder, .file = nullptr};
  const Json rank = config.value("r", Json()), alpha = config.value("lora_alpha", Json());
  if (rank.is_number_integer() && rank > 0 && rank <= (1 << 20)) {
    adapter.rank = rank.get<int64_t>();
  } else {
    faults.error("r", "found " + rank.dump() + ", expected a number > 0");
  }
  if (alpha.is_number() && alpha > 0) {
    adapter.alpha = alpha.get<double>();
  } else {
    faults.error("lora_alpha", "found " + alpha.dump() + ", expected a number > 0");
  }
  adapter.use_rslora = config.value("use_rslora", Json()) == true;
  adapter.ties_embeddings = config.value("ensure_weight_tying", Json()) == true;
  if (!std::filesystem::is_regular_file(folder / kAdapterWeights)) {
    faults.error(kAdapterWeights,
                 "is missing; pickle files (adapter_model.bin) can run code and are never opened: "
                 "save the adapter with safe_serialization=True");
  }
  faults.throw_if_errors<ConfigError>(path.string());
  adapter.file = std::make_shared<const SafetensorsFile>(folder / kAdapterWeights);
  adapter.base_weights = read_base_weights(folder / kBaseWeightsName);
  return adapter;
}

void check_base_weights(const PeftAdapter& adapter,
                        const std::filesystem::path& model_folder,
                        const std::string& hash) {
  if (!adapter.base_weights || *adapter.base_weights == hash) return;
  throw ConfigError((adapter.folder / kBaseWeightsName).string() +
                    ": the adapter was trained beside weight files with hash " +
                    *adapter.base_weights + ", those of " + model_folder.string() + " have " +
                    hash +
                    ": another model, or the same one saved anew. Name the folder that the adapter "
                    "was trained on; if the weights are the same, remove " +
                    kBaseWeightsName);
}

Json base_weights_json(const std::string& hash) { return {{kHashKey, hash}}; }

PeftNames::PeftNames(const std::string& weight)
    : a(kPeftPrefix + module_of(weight) + kLoraA + ".weight"),
      b(kPeftPrefix + module_of(weight) + kLoraB + ".weight"),
      replaced(kPeftPrefix + weight) {}

void check_adapter_to_start_from(const PeftAdapter& adapter,
                                 const LoraConfig& lora,
                                 const DecoderSpec& spec,
                                 const std::vector<std::string>& trained,
                                 Diagnostics& faults) {
  const size_t before = faults.errors().size();
  check_settings(adapter, lora, faults);
  if (faults.errors().size() != before) return;  // shapes would only repeat it
  const std::set<std::string> in_training(trained.begin(), trained.end());
  Diagnostics found;
  AdapterCheck check(adapter, found);
  for (const WeightEntry& entry : weight_map(spec)) {
    for (const WeightSlice& slice : entry.slices) {
      const std::string replaced = kPeftPrefix + slice.foreign_name;
      if (is_update(entry.name)) {
        check.expect(slice.foreign_name, slice.shape);
      } else if (check.has(replaced) && in_training.contains(entry.name)) {
        check.expect_replaced(replaced, slice, is_tied_embedding(spec, entry));
      } else if (check.has(replaced)) {
        check.refuse(replaced,
                     "is a whole weight that this run leaves as it is: train it too "
                     "(lora.train_norms, lora.train_embeddings), or merge the adapter into the "
                     "model first (export --merge-adapter)");
      }
    }
  }
  check.pass_tied_output(spec);
  check.refuse_left_over("no update of lora.targets, nor a weight of the model, is called so");
  faults.merge(found, "lora.pretrained: " + adapter.file->path().string());
}

void check_adapter_to_merge(const PeftAdapter& adapter, const DecoderSpec& spec) {
  Diagnostics faults;
  AdapterCheck check(adapter, faults);
  for (const WeightEntry& entry : weight_map(spec)) {
    for (const WeightSlice& slice : entry.slices) {
      const PeftNames names(slice.foreign_name);
      if (check.has(names.replaced)) {
        check.expect_replaced(names.replaced, slice, is_tied_embedding(spec, entry));
      }
      const bool is_product = slice.foreign_name.ends_with(".weight") && slice.shape.size() == 2 &&
                              entry.name != "embed_tokens.weight";
      if (!is_product || (!check.has(names.a) && !check.has(names.b))) continue;
      check.expect(names.a, {adapter.rank, slice.shape[1]});
      check.expect(names.b, {slice.shape[0], adapter.rank});
    }
  }
  check.pass_tied_output(spec);
  check.refuse_left_over("the model in " + spec.model_type + "'s config.json has no such layer");
  if (adapter.file->tensors().empty()) faults.error(kAdapterWeights, "holds no tensor");
  faults.throw_if_errors<ConfigError>(adapter.file->path().string());
}

std::vector<std::string> tied_output_weights(const DecoderSpec& spec) {
  if (!spec.tied_embeddings) return {};
  return try_find_family(spec.model_type)->weights(spec).ignored_when_tied;
}

Json peft_config(const DecoderSpec& spec,
                 const LoraConfig& lora,
                 const std::vector<std::string>& saved) {
  const std::set<std::string> whole = saved_modules(spec, saved);
  Json config = {{"peft_type", "LORA"},
                 {"task_type", "CAUSAL_LM"},
                 {"r", lora.rank},
                 {"lora_alpha", lora.alpha},
                 {"lora_dropout", 0.0},
                 {"bias", "none"},
                 {"inference_mode", true}};
  config["use_rslora"] = lora.use_rslora;
  config["init_lora_weights"] = true;
  config["fan_in_fan_out"] = false;
  config["base_model_name_or_path"] = nullptr;
  config["target_modules"] = peft_target_modules(spec);
  config["modules_to_save"] = whole.empty() ? Json() : Json(whole);
  if (holds_tied_embedding(spec, saved)) config["ensure_weight_tying"] = true;
  return config;
}

}  // namespace ropewalk

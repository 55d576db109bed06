#include "cli/commands/inspect_json.h"

#include <algorithm>
#include <map>

#include "cli/commands/inspect_tokens.h"
#include "cli/commands/rope_meaning.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/formats/manifest.h"
#include "ropewalk/formats/model_files.h"
#include "ropewalk/settings/run_config.h"
#include "ropewalk/spec/formulas.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk::cli {
namespace {

namespace fs = std::filesystem;

Json weights_json(const ModelFiles& files) {
  std::map<std::string, int64_t> dtypes;
  Json names = Json::array();
  for (const auto& file : files.files()) {
    names.push_back(file->path().filename().string());
    for (const TensorInfo& tensor : file->tensors())
      ++dtypes[std::string(dtype_name(tensor.dtype))];
  }
  Json json;
  json["files"] = names;
  json["tensors"] = files.names().size();
  json["parameters"] = files.num_parameters();
  json["bytes"] = files.num_bytes();
  json["tensors_by_dtype"] = dtypes;
  return json;
}

bool has_weights(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json")) return true;
  }
  return false;
}

Json remarks_json(const Diagnostics& diagnostics) {
  Json remarks = Json::array();
  for (const Diagnostics::Item& item : diagnostics.warnings()) {
    remarks.push_back(item.where.empty() ? item.text : item.where + ": " + item.text);
  }
  return remarks;
}

Json spec_json(const DecoderSpec& spec) {
  Json json;
  json["vocab_size"] = spec.vocab_size;
  json["hidden_size"] = spec.hidden_size;
  json["intermediate_size"] = spec.intermediate_size;
  json["num_hidden_layers"] = spec.num_layers;
  json["num_attention_heads"] = spec.num_heads;
  json["num_key_value_heads"] = spec.num_kv_heads;
  json["head_dim"] = spec.head_dim;
  json["norm_eps"] = spec.norm.eps;
  json["tie_word_embeddings"] = spec.tied_embeddings;
  json["attention_bias"] = spec.qkv_bias;
  json["mlp_bias"] = spec.mlp_up_bias;
  for (const auto& [key, value] : spec.dropouts) json[key] = value;
  return json;
}

void put_model(const HfModel& model, Json& json) {
  const RopeParameters& rope = model.spec.rope;
  json["model_type"] = model.spec.model_type;
  json["parameters"] = parameter_count(model.spec);
  json["embedding_parameters"] = embedding_parameter_count(model.spec);
  json["forward_flops_per_token"] =
      flops_per_token(model.spec, rope.max_position_embeddings).forward;
  json["max_position_embeddings"] = rope.max_position_embeddings;
  json["original_max_position_embeddings"] = rope.original_max_position_embeddings;
  json["pos_scaling_factor"] = rope.factor;
  json["pos_scaling_type"] = rope_kind_name(rope.kind);
  json["architecture"] = spec_json(model.spec);
  json["rope"] = rope_json(rope);
}

Json checkpoint_json(const fs::path& folder) {
  Json json;
  const Manifest manifest = read_manifest(folder);
  json["complete"] = true;
  json["files"] = manifest.files.size();
  uint64_t bytes = 0;
  for (const ManifestEntry& entry : manifest.files) bytes += entry.size_bytes;
  json["bytes"] = bytes;
  json["resumable"] = manifest.find("trainer/state.json") != nullptr;
  for (const auto& [key, value] : manifest.fields.items()) json[key] = value;
  return json;
}

Json inspect_model(const fs::path& path) {
  Diagnostics remarks;
  const HfModel model = load_hf_model(path, &remarks);
  Json json;
  json["kind"] = fs::is_directory(path) ? "model" : "model_config";
  json["path"] = path.string();
  put_model(model, json);
  const auto identity = model.config.find("ropewalk");
  json["identity"] = identity == model.config.end() ? Json(nullptr) : *identity;
  for (const char* key : {"dtype", "torch_dtype"}) {
    if (model.config.contains(key)) json["dtype"] = model.config[key];
  }
  if (model.quantization) json["quantization"] = describe_quantization(*model.quantization);
  if (fs::is_directory(path)) {
    json["weights"] = has_weights(path) ? weights_json(ModelFiles::open(path)) : Json(nullptr);
    // Elements of the files: packed values and scales are no parameters.
    if (model.quantization && json["weights"].is_object()) json["weights"].erase("parameters");
    json["checkpoint"] = has_manifest(path) ? checkpoint_json(path) : Json(nullptr);
  }
  json["remarks"] = remarks_json(remarks);
  return json;
}

Json inspect_run_config(const fs::path& path) {
  Diagnostics remarks;
  const RunConfig config = load_run_config(path, {}, RunPurpose::kInspect, &remarks);
  const HfModel model = resolve_model(config.model, path.string(), &remarks);
  Json json;
  json["kind"] = "run_config";
  json["path"] = path.string();
  put_model(model, json);
  json["trained_rope"] = rope_json(model.trained_rope);
  json["config"] = resolved_json(config);
  json["model_config"] = model.config;  // config.json as the run's checkpoints will have it
  json["remarks"] = remarks_json(remarks);
  return json;
}

std::vector<fs::path> children(const fs::path& folder, bool (*wanted)(const fs::path&)) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (wanted(entry.path())) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool is_checkpoint(const fs::path& path) {
  return path.filename().string().starts_with("step-") && has_manifest(path);
}

Json inspect_run(const fs::path& folder) {
  const std::vector<fs::path> checkpoints = children(folder / "checkpoints", is_checkpoint);
  Json names = Json::array();
  for (const fs::path& checkpoint : checkpoints) names.push_back(checkpoint.filename().string());
  Json json = {{"kind", "run"}, {"path", folder.string()}, {"checkpoints", names}};
  if (!checkpoints.empty()) json["newest"] = inspect_model(checkpoints.back());
  return json;
}

Json inspect_folder(const fs::path& path, const TokenFileOptions& tokens) {
  if (fs::is_directory(path / "checkpoints")) return inspect_run(path);
  if (!fs::exists(path / "config.json") && !token_files_in(path).empty()) {
    return inspect_token_folder(path, tokens);
  }
  return inspect_model(path);
}

}  // namespace

Json inspect_path(const fs::path& path, const TokenFileOptions& tokens) {
  const std::optional<fs::path> file = find_token_file(path);
  if (!file) throw ConfigError(path.string() + ": no such file or directory");
  if (fs::is_directory(path)) return inspect_folder(path, tokens);
  if (has_token_file_name(*file)) return inspect_token_file(*file, tokens);
  if (is_pickle_file(path)) throw ConfigError(path.string() + ": " + kConvertPickleHint);
  if (path.extension() == ".safetensors") {
    Json json = {{"kind", "weights"}, {"path", path.string()}};
    json.update(weights_json(ModelFiles::open(path)));
    return json;
  }
  const Json content = read_json_file(path, {.allow_comments = true});
  if (content.is_object() && content.contains("model_type")) return inspect_model(path);
  if (content.is_object() && content.contains("model")) return inspect_run_config(path);
  throw ConfigError(path.string() +
                    ": is not known; expected a model directory, its config.json, a token file "
                    "(.tokens, .bin, .idx), a safetensors file, a run config or a run directory");
}

}  // namespace ropewalk::cli

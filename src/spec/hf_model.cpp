#include "ropewalk/spec/hf_model.h"

#include <algorithm>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/base/text.h"
#include "ropewalk/formats/manifest.h"
#include "ropewalk/formats/model_files.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;

fs::path find_config(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored)) {
    if (is_pickle_file(path)) throw ConfigError(path.string() + ": " + kConvertPickleHint);
    return path;
  }
  const fs::path config = path / "config.json";
  if (!fs::is_directory(path, ignored)) {
    throw ConfigError(path.string() +
                      ": no such model directory; expected a folder with config.json and "
                      "safetensors files");
  }
  if (fs::is_directory(path / "checkpoints", ignored)) {
    throw ConfigError(
        path.string() +
        ": this is a run directory, not a model; name one of its checkpoints, such as " +
        (path / "checkpoints" / "step-00000100").string());
  }
  if (!fs::is_regular_file(config, ignored)) {
    throw ConfigError(path.string() +
                      ": has no config.json; expected a Hugging Face model directory");
  }
  return config;
}

std::string read_model_type(const Json& config, const std::string& source) {
  if (!config.is_object()) {
    throw ConfigError(source + ": found " + std::string(config.type_name()) +
                      "; expected a JSON object with the fields of a Hugging Face config");
  }
  const auto at = config.find("model_type");
  if (at != config.end() && at->is_string()) return at->get<std::string>();
  std::vector<std::string> known;
  for (const Family& family : families()) known.push_back(family.model_type);
  std::string text = source + ": model_type is missing; expected one of " + join(known, ", ");
  if (config.contains("model") && config.contains("train"))
    text += " (this looks like a run config)";
  throw ConfigError(text);
}

void remark_on_architecture(const HfModel& model, Diagnostics& diagnostics) {
  const auto at = model.config.find("architectures");
  if (at == model.config.end() || !at->is_array() || at->empty()) return;
  const bool expected = std::any_of(
      at->begin(), at->end(), [&](const Json& name) { return name == model.family->architecture; });
  if (!expected) {
    diagnostics.warning("architectures",
                        "found " + at->dump() + "; read as " + model.family->architecture);
  }
}

}  // namespace

HfModel load_hf_model(const fs::path& directory_or_config, Diagnostics* remarks) {
  const fs::path config_path = find_config(directory_or_config);
  HfModel model;
  model.path = config_path.parent_path();
  model.config = read_json_file(config_path);
  model.family =
      &find_family(read_model_type(model.config, config_path.string()), config_path.string());
  Diagnostics diagnostics;
  const SpecReading reading = model.family->from_hf(model.config, diagnostics);
  diagnostics.throw_if_errors<ConfigError>(config_path.string());
  model.spec = reading.spec;
  model.quantization = reading.quantization;
  model.trained_rope = reading.rope.trained;
  model.stored_identity = reading.rope.identity;
  model.factor_edited = reading.rope.factor_edited;
  remark_on_architecture(model, diagnostics);
  const std::string edits = describe_edits(model);
  if (!edits.empty()) diagnostics.warning("", edits);
  if (!remarks) return model;
  for (const Diagnostics::Item& item : diagnostics.warnings()) {
    const std::string key = item.where.empty() ? "" : ": " + item.where;
    remarks->warning(config_path.string() + key, item.text);
  }
  return model;
}

IdentityComparison compare_with_trained(const HfModel& model) {
  return compare_identity(
      model.stored_identity ? *model.stored_identity : make_rope_identity(model.trained_rope),
      model.spec.rope);
}

std::string describe_edits(const HfModel& model) {
  if (model.path.empty() || !has_manifest(model.path)) return "";
  try {
    const Manifest manifest = read_manifest(model.path);
    const ManifestEntry* entry = manifest.find("config.json");
    if (entry && entry->hash == hash_file(model.path / "config.json")) return "";
  } catch (const Error& error) {
    return std::string("cannot be compared with the manifest: ") + error.what();
  }
  std::string text = "was edited since the checkpoint was written (manifest.json has another hash)";
  if (!(model.trained_rope == model.spec.rope)) {
    text += "; positions were: " + describe_rope(model.trained_rope) +
            "; and are now: " + describe_rope(model.spec.rope);
  } else if (model.stored_identity &&
             model.stored_identity->frequency_hash != hash_rope_table(model.spec.rope)) {
    text += "; other values beside kind and factor were changed, and with them every position: " +
            compare_with_trained(model).text;
  } else {
    text += "; what positions mean is unchanged";
  }
  return text;
}

}  // namespace ropewalk

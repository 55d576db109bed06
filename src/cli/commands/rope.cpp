// `ropewalk rope`: what the positions of a checkpoint or run config mean, without its weights.
#include <filesystem>
#include <iostream>

#include "cli/commands/rope_meaning.h"
#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/text.h"
#include "ropewalk/rope/hf_rope.h"
#include "ropewalk/settings/run_config.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk::cli {
namespace {

namespace fs = std::filesystem;

HfModel load_model(const fs::path& path, Diagnostics& remarks) {
  if (!fs::exists(path)) throw ConfigError(path.string() + ": no such file or directory");
  if (fs::is_directory(path)) return load_hf_model(path, &remarks);
  const Json content = read_json_file(path, {.allow_comments = true});
  if (!content.is_object() || !content.contains("model")) return load_hf_model(path, &remarks);
  const RunConfig config = load_run_config(path, {}, RunPurpose::kInspect, &remarks);
  return resolve_model(config.model, path.string(), &remarks);
}

// The main positions, and those of local layers in families that have them.
template <typename Spec>
std::vector<RopeMeaning> explain_layers(const Spec& spec) {
  if constexpr (requires { spec.local_rope; }) {
    if (spec.local_rope) {
      return {explain_rope("full_attention", spec.rope),
              explain_rope("sliding_attention", *spec.local_rope)};
    }
  }
  return {explain_rope("", spec.rope)};
}

std::vector<std::string> remarks_on(const HfModel& model, const Diagnostics& diagnostics) {
  std::vector<std::string> remarks;
  for (const Diagnostics::Item& item : diagnostics.warnings()) {
    remarks.push_back(item.where.empty() ? item.text : item.where + ": " + item.text);
  }
  const Json written = model.family->to_hf(model.spec, model.config);
  for (const std::string& remark : foreign_reader_remarks(written)) remarks.push_back(remark);
  return remarks;
}

void print_json(const std::string& path,
                const std::vector<RopeMeaning>& meanings,
                const std::vector<std::string>& remarks) {
  Json layer_types = Json::array();
  for (const RopeMeaning& meaning : meanings) layer_types.push_back(meaning_json(meaning));
  std::cout << to_json_text({{"path", path}, {"layer_types", layer_types}, {"remarks", remarks}});
}

void print_text(const std::vector<RopeMeaning>& meanings, const std::vector<std::string>& remarks) {
  for (const RopeMeaning& meaning : meanings) {
    if (&meaning != &meanings.front()) std::cout << "\n";
    for (const std::string& line : meaning_text(meaning)) std::cout << line << "\n";
  }
  for (const std::string& remark : remarks) std::cout << "remark: " << remark << "\n";
}

}  // namespace

int run_rope(const RopeOptions& options) {
  Diagnostics diagnostics;
  const HfModel model = load_model(options.path, diagnostics);
  const std::vector<RopeMeaning> meanings = explain_layers(model.spec);
  const std::vector<std::string> remarks = remarks_on(model, diagnostics);
  if (!options.plot.empty()) {
    const std::string title = "Rotary wavelengths of " + options.path;
    write_file_atomic(options.plot, meaning_chart(meanings, title));
  }
  if (options.json) {
    print_json(options.path, meanings, remarks);
  } else {
    print_text(meanings, remarks);
    if (!options.plot.empty()) std::cout << "written: " << options.plot << "\n";
  }
  return kExitDone;
}

}  // namespace ropewalk::cli

// `ropewalk verify`: what is on disk against hashes and format rules. Nothing is loaded or changed.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cli/front_commands.h"
#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"
#include "ropewalk/base/text.h"
#include "ropewalk/data/dataset_index.h"
#include "ropewalk/formats/manifest.h"
#include "ropewalk/formats/model_files.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/formats/token_shard.h"
#include "ropewalk/spec/formulas.h"
#include "ropewalk/spec/hf_model.h"
#include "ropewalk/spec/peft_adapter.h"
#include "ropewalk/spec/weight_check.h"

namespace ropewalk::cli {
namespace {

namespace fs = std::filesystem;

struct Finding {
  fs::path path;
  std::string summary;  // of what is whole
  Diagnostics faults;
};

// A reader's complaint is what verify looks for, not a failure of its own.
void collect(Diagnostics& faults, const std::string& where, const std::function<void()>& check) {
  try {
    check();
  } catch (const Error& error) {
    faults.error(where, error.what());
  }
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<fs::path> files_with(const fs::path& folder, const std::string& extension) {
  std::vector<fs::path> paths = sorted_entries(folder);
  std::erase_if(paths, [&](const fs::path& path) { return path.extension() != extension; });
  return paths;
}

// Format rules of everything in a model folder, whether it has a manifest or not.
void check_model_folder(const fs::path& folder, Finding& finding) {
  for (const fs::path& path : sorted_entries(folder)) {
    if (path.extension() != ".json" || path.filename() == kManifestName) continue;
    collect(finding.faults, path.filename().string(), [&] { read_json_file(path); });
  }
  if (!finding.faults.ok()) return;  // the rest would only repeat what is wrong with these
  collect(finding.faults, "model", [&] {
    const HfModel model = load_hf_model(folder);
    const ModelFiles files = ModelFiles::open(folder);
    finding.faults.merge(check_weights(files, model.spec, model.quantization), "weights");
    finding.summary = "model " + model.spec.model_type + ", " +
                      format_count(parameter_count(model.spec)) + " parameters, " +
                      format_bytes(files.num_bytes());
  });
}

Finding check_checkpoint(const fs::path& folder) {
  Finding finding{.path = folder};
  const bool listed = has_manifest(folder);
  if (listed) finding.faults.merge(verify_manifest(folder));
  if (!finding.faults.ok()) return finding;
  check_model_folder(folder, finding);
  if (fs::is_directory(folder / "trainer")) {
    for (const fs::path& path : files_with(folder / "trainer", ".safetensors")) {
      collect(
          finding.faults, "trainer/" + path.filename().string(), [&] { SafetensorsFile{path}; });
    }
    collect(finding.faults, "trainer/state.json", [&] {
      read_json_file(folder / "trainer" / "state.json");
    });
    if (!listed) {
      finding.faults.error(
          kManifestName, "is missing although there is trainer state: the checkpoint is not whole");
    }
  }
  finding.summary += listed ? "; sizes and hashes as in the manifest" : "; no manifest";
  return finding;
}

using TokenStores = std::vector<std::unique_ptr<TokenStore>>;

// Adds the file to `opened` if its header and index can be read.
Finding check_token_file(const fs::path& path, TokenStores& opened) {
  Finding finding{.path = path};
  collect(finding.faults, path.filename().string(), [&] {
    const TokenStore& store = *opened.emplace_back(open_token_file(path));
    store.verify();
    finding.summary = format_count(store.num_tokens()) + " tokens, " +
                      format_count(store.num_documents()) + " documents";
    if (store.has_targets()) finding.summary += ", with targets";
    if (store.tokenizer_hash()) return;
    finding.summary = format_count(store.num_tokens()) + " tokens; format rules of " +
                      std::string(store.format()) + " only, it has no hash";
  });
  return finding;
}

// Every file by itself, then all of them against dataset.json. In a model's folder `.bin` is
// something else.
std::vector<Finding> check_token_files(const fs::path& folder, bool is_model) {
  std::vector<Finding> findings;
  TokenStores opened;
  for (const fs::path& path : token_files_in(folder)) {
    if (is_model && path.extension() != kTokenShardExtension) continue;
    findings.push_back(check_token_file(path, opened));
  }
  if (fs::exists(folder / kDatasetIndexName)) {
    Finding index{.path = folder / kDatasetIndexName, .summary = "lists these shards"};
    check_dataset_index(folder, opened, index.faults);
    findings.push_back(std::move(index));
  }
  return findings;
}

Finding check_safetensors(const fs::path& path) {
  Finding finding{.path = path};
  collect(finding.faults, path.filename().string(), [&] {
    finding.summary = format_count(static_cast<int64_t>(SafetensorsFile(path).tensors().size())) +
                      " tensors; format rules only";
  });
  return finding;
}

Finding check_adapter(const fs::path& folder) {
  Finding finding{.path = folder};
  collect(finding.faults, "adapter", [&] {
    const PeftAdapter adapter = open_peft_adapter(folder);
    finding.summary = "PEFT adapter of rank " + std::to_string(adapter.rank) + ", " +
                      format_count(static_cast<int64_t>(adapter.file->tensors().size())) +
                      " tensors; format rules only";
  });
  return finding;
}

std::vector<Finding> check_run(const fs::path& checkpoints) {
  std::vector<Finding> findings;
  for (const fs::path& path : sorted_entries(checkpoints)) {
    const std::string name = path.filename().string();
    const bool published = name.starts_with("step-") && name.find('.') == std::string::npos;
    if (!published || !fs::is_directory(path)) continue;
    Finding finding = check_checkpoint(path);
    if (!has_manifest(path) && finding.faults.ok()) {
      finding.faults.error(kManifestName, "is missing: the checkpoint is not whole");
    }
    findings.push_back(std::move(finding));
  }
  if (findings.empty()) {
    throw ConfigError(checkpoints.string() + ": holds no checkpoint; nothing to verify");
  }
  return findings;
}

std::vector<Finding> check_path(const fs::path& path) {
  const std::optional<fs::path> file = find_token_file(path);
  if (!file) {
    throw ConfigError(path.string() +
                      ": no such file or folder; expected a checkpoint, a model directory, a run "
                      "directory or token files");
  }
  if (!fs::is_directory(path) && has_token_file_name(*file)) {
    TokenStores opened;
    return {check_token_file(*file, opened)};
  }
  if (path.extension() == ".safetensors") return {check_safetensors(path)};
  if (fs::is_directory(path)) {
    if (fs::is_directory(path / "checkpoints")) return check_run(path / "checkpoints");
    if (fs::exists(path / "adapter_config.json") && !has_manifest(path)) {
      return {check_adapter(path)};
    }
    const bool is_model = has_manifest(path) || fs::exists(path / "config.json");
    std::vector<Finding> findings = check_token_files(path, is_model);
    if (is_model) {
      findings.push_back(check_checkpoint(path));
    }
    if (!findings.empty()) return findings;
  }
  throw ConfigError(path.string() +
                    ": nothing that can be verified; expected a folder with config.json or " +
                    kManifestName + ", a run directory, or files " + kTokenShardExtension +
                    ", .bin, .idx or .safetensors");
}

}  // namespace

int run_verify(const VerifyOptions& options) {
  int exit_code = kExitDone;
  for (const Finding& finding : check_path(options.path)) {
    for (const Diagnostics::Item& item : finding.faults.warnings()) {
      std::fprintf(
          stderr, "%s: %s %s\n", finding.path.c_str(), item.where.c_str(), item.text.c_str());
    }
    if (finding.faults.ok()) {
      std::printf("%s: ok (%s)\n", finding.path.c_str(), finding.summary.c_str());
      continue;
    }
    std::fprintf(stderr, "%s\n", finding.faults.report(finding.path.string()).c_str());
    exit_code = kExitFailure;
  }
  return exit_code;
}

}  // namespace ropewalk::cli

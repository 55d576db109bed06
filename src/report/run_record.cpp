#include "ropewalk/report/run_record.h"

#include <algorithm>
#include <set>

#include "ropewalk/base/collect_faults.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExpectedRun =
    "expected a run directory, the train.run_dir of a run, which has config.json and "
    "metrics.jsonl";

// Newest first. Saves in progress have a suffix.
std::vector<fs::path> checkpoints_of(const fs::path& run) {
  std::vector<fs::path> folders;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints", none)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-") && name.find('.') == std::string::npos) {
      folders.push_back(entry.path());
    }
  }
  // Eight digits or more: a longer number is the larger one.
  std::sort(folders.begin(), folders.end(), [](const fs::path& a, const fs::path& b) {
    const std::string left = a.filename().string(), right = b.filename().string();
    return left.size() != right.size() ? left.size() > right.size() : left > right;
  });
  return folders;
}

// Checkpoints come and go while a run is alive, and a report can do without them.
std::optional<RopeIdentity> positions_of(const std::vector<fs::path>& checkpoints) {
  for (const fs::path& folder : checkpoints) {
    Diagnostics ignored;
    std::optional<RopeIdentity> identity;
    collect_faults(ignored, "", [&] {
      const Json config = read_json_file(folder / "config.json");
      if (config.is_object() && config.contains("ropewalk")) {
        identity = parse_rope_identity(config["ropewalk"], ignored);
      }
    });
    if (identity) return identity;
  }
  return std::nullopt;
}

// A file that cannot be read is a fault of the input here.
std::optional<MappedFile> map_file(const fs::path& path, Diagnostics& faults) {
  try {
    return MappedFile(path);
  } catch (const IoError& error) {
    faults.error("", error.what());
    return std::nullopt;
  }
}

// The last `count` parts of the path.
std::string tail_of(const fs::path& path, size_t count) {
  std::vector<fs::path> parts(path.begin(), path.end());
  fs::path tail;
  for (size_t i = parts.size() - std::min(count, parts.size()); i < parts.size(); ++i) {
    tail /= parts[i];
  }
  return tail.string();
}

}  // namespace

RunRecord read_run(const fs::path& folder, Diagnostics& faults) {
  RunRecord run;
  run.folder = folder;
  if (!fs::is_directory(folder)) {
    faults.error(folder.string(), std::string("no such folder; ") + kExpectedRun);
    return run;
  }
  std::vector<std::string> missing;
  for (const char* name : {"config.json", "metrics.jsonl"}) {
    if (fs::exists(folder / name)) continue;
    faults.error(folder.string(), std::string("found no ") + name + " in it; " + kExpectedRun);
    missing.emplace_back(name);
  }
  if (!missing.empty()) return run;
  collect_faults(faults, "", [&] { run.config = read_json_file(folder / "config.json"); });
  if (!run.config.is_object() && !run.config.is_null()) {
    faults.error((folder / "config.json").string(),
                 "found " + quoted_text(run.config.dump()) + "; expected a run config, an object");
  }
  const fs::path metrics = folder / "metrics.jsonl";
  if (const std::optional<MappedFile> file = map_file(metrics, faults)) {
    const std::span<const std::byte> bytes = file->bytes();
    run.metrics = parse_metrics(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, metrics.string(), faults);
  }
  const std::vector<fs::path> checkpoints = checkpoints_of(folder);
  if (!checkpoints.empty()) run.checkpoint = checkpoints.front();
  run.positions = positions_of(checkpoints);
  return run;
}

void name_runs(std::vector<RunRecord>& runs) {
  std::vector<fs::path> paths;
  for (const RunRecord& run : runs) {
    fs::path path = fs::absolute(run.folder).lexically_normal();
    paths.push_back(path.has_filename() ? path : path.parent_path());  // "runs/a/"
  }
  const auto most = std::max_element(paths.begin(), paths.end(), [](const auto& a, const auto& b) {
    return std::distance(a.begin(), a.end()) < std::distance(b.begin(), b.end());
  });
  if (most == paths.end()) return;
  const auto longest = static_cast<size_t>(std::distance(most->begin(), most->end()));
  for (size_t count = 1; count <= longest; ++count) {
    std::set<std::string> names;
    for (const fs::path& path : paths) names.insert(tail_of(path, count));
    if (names.size() < paths.size() && count < longest) continue;
    for (size_t i = 0; i < runs.size(); ++i) runs[i].name = tail_of(paths[i], count);
    return;
  }
}

}  // namespace ropewalk

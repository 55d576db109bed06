// `ropewalk report`: reads run directories and evaluations, writes the page and its pictures.
#include "ropewalk/report/report.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <tuple>

#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/text.h"
#include "ropewalk/settings/run_config.h"

namespace ropewalk::cli {
namespace {

namespace fs = std::filesystem;

// Each folder once, however often and in whatever way it was named.
std::vector<fs::path> distinct_folders(const std::vector<std::string>& words) {
  std::vector<fs::path> folders, canonical;
  for (const std::string& word : words) {
    const fs::path whole = fs::weakly_canonical(word);
    if (std::find(canonical.begin(), canonical.end(), whole) != canonical.end()) continue;
    canonical.push_back(whole);
    folders.emplace_back(word);
  }
  return folders;
}

// What a run found of needles is a picture for each step: of more the first and the last are shown.
constexpr size_t kMostNeedleMaps = 4;

void add_evaluation(const fs::path& file,
                    const std::string& name,
                    Diagnostics& faults,
                    std::vector<EvalRecord>& records) {
  std::optional<EvalRecord> record = read_eval_record(file, name, faults);
  if (record) records.push_back(std::move(*record));
}

// What a run writes as it goes: "step-00000100.needle.json", "step-00000100.passkey-2048.json".
struct StepFile {
  fs::path path;
  int step = 0;
  std::string kind;  // "needle", "passkey-2048"
};

std::optional<StepFile> parse_step_file(const fs::path& file) {
  constexpr std::string_view kPrefix = "step-";
  const std::string name = file.stem().string();
  const size_t dot = name.find('.');
  if (name.rfind(kPrefix, 0) != 0 || dot == std::string::npos) return std::nullopt;
  const std::optional<int> step = parse_int(name.substr(kPrefix.size(), dot - kPrefix.size()));
  if (!step) return std::nullopt;
  return StepFile{file, *step, name.substr(dot + 1)};
}

// In the order of the steps.
void add_step_files(std::vector<StepFile> files,
                    const std::string& prefix,
                    Diagnostics& faults,
                    std::vector<EvalRecord>& records) {
  std::sort(files.begin(), files.end(), [](const StepFile& a, const StepFile& b) {
    return std::tie(a.kind, a.step) < std::tie(b.kind, b.step);
  });
  const auto is_needle = [](const StepFile& file) { return file.kind == "needle"; };
  const auto first = std::find_if(files.begin(), files.end(), is_needle);
  const auto end = std::find_if_not(first, files.end(), is_needle);
  if (static_cast<size_t>(end - first) > kMostNeedleMaps) files.erase(first + 1, end - 1);
  for (const StepFile& file : files) {
    std::string name = prefix + "step " + format_count(file.step);
    // Of one step a run may have several of these.
    if (file.kind.find('-') != std::string::npos) name += ", " + file.kind;
    const size_t before = records.size();
    add_evaluation(file.path, name, faults, records);
    if (records.size() > before) records.back().family = prefix + file.kind;
  }
}

void add_folder(const fs::path& folder,
                const std::string& prefix,
                Diagnostics& faults,
                std::vector<EvalRecord>& records) {
  std::vector<fs::path> files;
  std::vector<StepFile> step_files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    if (entry.path().extension() != ".json") continue;
    if (const std::optional<StepFile> step_file = parse_step_file(entry.path())) {
      step_files.push_back(*step_file);
    } else {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    add_evaluation(file, prefix + file.stem().string(), faults, records);
  }
  add_step_files(std::move(step_files), prefix, faults, records);
}

// Those in the runs' own folders, then those that were named.
std::vector<EvalRecord> read_evaluations(const std::vector<RunRecord>& runs,
                                         const std::vector<std::string>& named,
                                         Diagnostics& faults) {
  std::vector<EvalRecord> records;
  for (const RunRecord& run : runs) {
    const std::string prefix = runs.size() == 1 ? "" : run.name + ", ";
    add_folder(run.folder / "eval", prefix, faults, records);
  }
  for (const std::string& word : named) {
    const size_t equals = word.find('=');
    const fs::path file = equals == std::string::npos ? word : word.substr(equals + 1);
    const std::string name = equals == std::string::npos ? "" : word.substr(0, equals);
    add_evaluation(file, name.empty() ? file.stem().string() : name, faults, records);
  }
  return records;
}

ReportInput read_inputs(const ReportOptions& options) {
  Diagnostics faults;
  ReportInput input;
  for (const fs::path& folder : distinct_folders(options.runs)) {
    input.runs.push_back(read_run(folder, faults));
  }
  name_runs(input.runs);
  input.evaluations = read_evaluations(input.runs, options.evaluations, faults);
  faults.throw_if_errors<ConfigError>("report");
  input.default_config = resolved_json(RunConfig{});
  return input;
}

}  // namespace

int run_report(const ReportOptions& options) {
  const ReportInput input = read_inputs(options);
  const Report report = make_report(input);
  write_file_atomic(options.output, report.html);
  std::cout << "written: " << options.output << " (" << format_bytes(report.html.size()) << ", "
            << counted(static_cast<int64_t>(input.runs.size()), "run") << ", "
            << counted(static_cast<int64_t>(report.figures.size()), "picture") << ")\n";
  if (options.figures.empty()) return kExitDone;
  const fs::path folder = options.figures;
  make_directories(folder);
  for (const ReportFigure& figure : report.figures) {
    write_file_atomic(folder / (figure.name + ".svg"), figure.wide);
  }
  std::cout << "written: " << folder.string() << "\n";
  return kExitDone;
}

}  // namespace ropewalk::cli

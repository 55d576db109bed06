// `ropewalk report`: reads run directories and evaluations, writes the page and its pictures.
#include "ropewalk/report/report.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>

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

void add_evaluation(const fs::path& file,
                    const std::string& name,
                    Diagnostics& faults,
                    std::vector<EvalRecord>& records) {
  std::optional<EvalRecord> record = read_eval_record(file, name, faults);
  if (record) records.push_back(std::move(*record));
}

// "needle" of "step-00000100.needle.json", which a run writes at each evaluation; else empty.
std::string kind_of_step_file(const fs::path& file) {
  const std::string name = file.stem().string();
  const size_t dot = name.find('.');
  return name.rfind("step-", 0) == 0 && dot != std::string::npos ? name.substr(dot + 1) : "";
}

// Of each kind that a run writes as it goes, the first and the last where there are many.
std::vector<fs::path> json_files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::map<std::string, std::vector<fs::path>> by_kind;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    if (entry.path().extension() != ".json") continue;
    const std::string kind = kind_of_step_file(entry.path());
    (kind.empty() ? files : by_kind[kind]).push_back(entry.path());
  }
  for (auto& [kind, steps] : by_kind) {
    std::sort(steps.begin(), steps.end());
    if (steps.size() > kMostEvaluationsShown) steps = {steps.front(), steps.back()};
    files.insert(files.end(), steps.begin(), steps.end());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Those in the runs' own folders, then those that were named.
std::vector<EvalRecord> read_evaluations(const std::vector<RunRecord>& runs,
                                         const std::vector<std::string>& named,
                                         Diagnostics& faults) {
  std::vector<EvalRecord> records;
  for (const RunRecord& run : runs) {
    const std::string prefix = runs.size() == 1 ? "" : run.name + ", ";
    for (const fs::path& file : json_files_in(run.folder / "eval")) {
      add_evaluation(file, prefix + file.stem().string(), faults, records);
    }
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

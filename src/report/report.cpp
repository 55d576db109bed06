#include "ropewalk/report/report.h"

#include <map>

#include "report/sections.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr size_t kMostNamedRuns = 3;

std::string title_of(const std::vector<RunRecord>& runs) {
  std::vector<std::string> names;
  for (const RunRecord& run : runs) names.push_back(run.name);
  if (names.size() > kMostNamedRuns) return std::to_string(names.size()) + " runs";
  return (names.size() == 1 ? "Run " : "Runs ") + join(names, ", ");
}

// "loss"; where several bear a name, "needle-1", "needle-2".
void number_figures(std::vector<ReportSection>& sections) {
  std::map<std::string, int> bearers, numbers;
  for (const ReportSection& section : sections) {
    for (const ReportFigure& figure : section.figures) ++bearers[figure.name];
  }
  for (ReportSection& section : sections) {
    for (ReportFigure& figure : section.figures) {
      if (bearers[figure.name] < 2) continue;
      const int number = ++numbers[figure.name];
      figure.name.append("-").append(std::to_string(number));
    }
  }
}

}  // namespace

Report make_report(const ReportInput& input) {
  std::vector<ReportSection> sections = {summary_section(input),
                                         config_section(input),
                                         loss_section(input),
                                         evaluation_section(input),
                                         window_section(input),
                                         position_section(input),
                                         passkey_section(input),
                                         needle_section(input),
                                         recall_section(input),
                                         short_section(input),
                                         throughput_section(input),
                                         memory_section(input)};
  number_figures(sections);
  Report report;
  report.html = html_page(title_of(input.runs), sections);
  for (ReportSection& section : sections) {
    for (ReportFigure& figure : section.figures) report.figures.push_back(std::move(figure));
  }
  return report;
}

}  // namespace ropewalk

// config.json, metrics.jsonl and an evaluation, through the whole report.
#include "fuzz/target.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/report/report.h"

namespace ropewalk::fuzz {
namespace {

size_t count_of(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace

void fuzz_report(std::string_view input) {
  const std::vector<std::string_view> texts = parts(input, 3);
  const auto folder = put_file("run/config.json", texts[0]).parent_path();
  put_file("run/metrics.jsonl", texts[1]);
  Diagnostics faults;
  ReportInput read;
  read.runs.push_back(read_run(folder, faults));
  name_runs(read.runs);
  const auto record = read_eval_record(put_file("eval.json", texts[2]), "e", faults);
  if (record) read.evaluations.push_back(*record);
  faults.throw_if_errors<ConfigError>("report");
  const std::string html = make_report(read).html;
  ROPEWALK_CHECK(count_of(html, "<section ") == count_of(html, "</section>"), "sections");
  ROPEWALK_CHECK(count_of(html, "<text ") == count_of(html, "</text>"), "texts of pictures");
  ROPEWALK_CHECK(html.find('\0') == std::string::npos, "a NUL byte");
}

}  // namespace ropewalk::fuzz

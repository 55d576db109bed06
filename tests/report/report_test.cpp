#include "ropewalk/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

RunRecord run_named(const std::string& name, double learning_rate) {
  RunRecord run;
  run.name = name;
  run.folder = "runs/" + name;
  run.config = {{"model", {{"pretrained", "models/base/"}, {"max_position_embeddings", 512}}},
                {"train", {{"steps", 4}}},
                {"optimizer", {{"learning_rate", learning_rate}, {"betas", {0.9, 0.95}}}}};
  for (int64_t step = 1; step <= 4; ++step) {
    run.metrics.training.push_back({.step = step,
                                    .loss = 3.0 - 0.1 * static_cast<double>(step),
                                    .learning_rate = learning_rate,
                                    .tokens = 1000.0 * static_cast<double>(step),
                                    .tokens_per_second = 500.0,
                                    .mfu = 0.4,
                                    .memory_bytes = 3e9});
  }
  return run;
}

void evaluate(RunRecord& run, int64_t step) {
  for (const int64_t window : {256, 512}) {
    run.metrics.evaluations.push_back({step, window, std::nullopt, 9.0});
    run.metrics.evaluations.push_back({step, window, 1.0, 900.0});
  }
}

ReportInput input_of(std::vector<RunRecord> runs) {
  return {.runs = std::move(runs),
          .evaluations = {},
          .default_config = {{"optimizer", {{"learning_rate", 0.5}, {"betas", {0.9, 0.95}}}}}};
}

std::string section_of(const std::string& html, const std::string& id) {
  const size_t begin = html.find("<section id=\"" + id + "\">");
  return html.substr(begin, html.find("</section>", begin) - begin);
}

ReportFigure figure_of(const Report& report, const std::string& name) {
  for (const ReportFigure& figure : report.figures) {
    if (figure.name == name) return figure;
  }
  ADD_FAILURE() << "no figure " << name;
  return {};
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::set<std::string> names_of(const Report& report) {
  std::set<std::string> names;
  for (const ReportFigure& figure : report.figures) names.insert(figure.name);
  EXPECT_EQ(names.size(), report.figures.size());
  return names;
}

TEST(Report, OfOneRunShowsWhatIsNotTheDefault) {
  const Report report = make_report(input_of({run_named("a", 0.25)}));
  EXPECT_THAT(section_of(report.html, "config"),
              AllOf(HasSubstr(">0.25<"), HasSubstr(">0.5<"), Not(HasSubstr("betas"))));
  EXPECT_THAT(section_of(report.html, "summary"),
              AllOf(HasSubstr(">base<"),
                    HasSubstr(">512 tokens<"),
                    HasSubstr(">4 of 4<"),
                    HasSubstr(">2.6<"),
                    HasSubstr(">4,000<"),
                    HasSubstr(">40 %<"),
                    HasSubstr(">2.8 GiB<")));
}

TEST(Report, OfSeveralRunsShowsWhatDiffers) {
  const Report report = make_report(input_of({run_named("a", 0.25), run_named("b", 0.125)}));
  EXPECT_THAT(section_of(report.html, "config"),
              AllOf(HasSubstr(">0.25<"), HasSubstr(">0.125<"), Not(HasSubstr("pretrained"))));
  EXPECT_THAT(report.html, HasSubstr("<title>Runs a, b</title>"));
}

TEST(Report, PartsWithoutDataSayHowToGetIt) {
  const Report report = make_report(input_of({run_named("a", 0.25)}));
  for (const char* id : {"perplexity-steps",
                         "perplexity-window",
                         "loss-by-position",
                         "passkey",
                         "needle",
                         "recall"}) {
    EXPECT_THAT(
        section_of(report.html, id),
        AllOf(HasSubstr("class=\"missing\""), HasSubstr("<code>ropewalk "), Not(HasSubstr("<svg"))))
        << id;
  }
  ReportInput empty = input_of({RunRecord{}});
  EXPECT_TRUE(make_report(empty).figures.empty());
}

TEST(Report, EachRunAndScalingHasItsLine) {
  std::vector<RunRecord> runs = {run_named("a", 0.25), run_named("b", 0.125)};
  evaluate(runs[0], 2);
  evaluate(runs[0], 4);
  evaluate(runs[1], 3);
  const Report report = make_report(input_of(runs));
  const std::set<std::string> names = names_of(report);
  EXPECT_TRUE(names.contains("perplexity-steps-1") && names.contains("perplexity-steps-2"));
  EXPECT_TRUE(names.contains("perplexity-window-runs"));
  EXPECT_THAT(section_of(report.html, "perplexity-window"),
              AllOf(HasSubstr(">a, step 4<"),
                    HasSubstr(">b, step 3, factor 1<"),
                    HasSubstr(">step 2, factor 1<"),
                    Not(HasSubstr(">a, step 2<"))));
}

TEST(Report, EveryEvaluationHasItsLine) {
  constexpr size_t kEvaluations = 20;
  ReportInput input = input_of({run_named("a", 0.25)});
  for (size_t i = 1; i <= kEvaluations; ++i) {
    evaluate(input.runs[0], static_cast<int64_t>(i));
    const std::vector<WindowResult> windows = {
        {.window = 64, .perplexity = 3, .positions = {{0, 8, 1.0}, {8, 64, 0.5}}}};
    input.evaluations.push_back({.name = "step " + std::to_string(i),
                                 .family = "perplexity",
                                 .protocol = "pi",
                                 .results = {{.scaling = "linear x8", .windows = windows}}});
  }
  const Report report = make_report(input);
  const std::map<std::string, size_t> expected = {{"perplexity-window", 2 * kEvaluations},
                                                  {"perplexity-eval", kEvaluations},
                                                  {"loss-by-position", kEvaluations}};
  for (const auto& [name, lines] : expected) {
    const std::string svg = figure_of(report, name).wide;
    EXPECT_EQ(count_of(svg, "<path "), lines) << name;
    EXPECT_THAT(svg, AllOf(HasSubstr(">step 1, "), HasSubstr(">step 20, ")));
  }
  const std::string section = section_of(report.html, "perplexity-window");
  EXPECT_THAT(section, HasSubstr("step 13, linear x8</th>"));
  EXPECT_GT(section.find("<table"), section.rfind("</figure>"));  // a long one below the pictures
}

TEST(Report, NothingThatIsGivenBecomesMarkup) {
  const std::string hostile = "</svg></style><script src=\"//x\">&lt;'<script>";
  std::vector<RunRecord> runs = {run_named(hostile, 0.25), run_named("b", 0.125)};
  runs[0].config[hostile] = hostile;
  evaluate(runs[0], 2);
  ReportInput input = input_of(runs);
  input.evaluations = {
      {.name = hostile,
       .form = EvalForm::kNeedle,
       .results = {{.scaling = hostile, .retrieval = {{.length = 64, .depth = 0.5, .found = 1}}}}},
      {.name = hostile,
       .form = EvalForm::kPerplexity,
       .protocol = hostile,
       .results = {{.scaling = hostile,
                    .windows = {{.window = 64, .perplexity = 3, .positions = {{0, 8, 1.0}}}}}}}};
  const Report report = make_report(input);
  EXPECT_THAT(report.html, Not(HasSubstr("<script")));
  EXPECT_THAT(report.html, HasSubstr("&lt;script"));
  for (const ReportFigure& figure : report.figures) {
    EXPECT_THAT(figure.wide, Not(HasSubstr("<script")));
  }
}

TEST(Report, IsTheSameForTheSameInput) {
  const ReportInput input = input_of({run_named("a", 0.25)});
  EXPECT_EQ(make_report(input).html, make_report(input).html);
}

}  // namespace
}  // namespace ropewalk

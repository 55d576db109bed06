#include "ropewalk/formats/svg_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>

#include "formats/svg_scale.h"
#include "formats/svg_text.h"
#include "ropewalk/formats/markup.h"
#include "ropewalk/formats/svg_heat_map.h"

namespace ropewalk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Label {
  double x, y, px;
  std::string anchor, text;
};

std::vector<Label> labels_of(const std::string& svg) {
  static const std::regex kText(
      R"re(<text x="([^"]+)" y="([^"]+)" font-size="([^"]+)" text-anchor="(\w+)"([^>]*)>([^<]*)<)re");
  std::vector<Label> labels;
  for (std::sregex_iterator at(svg.begin(), svg.end(), kText), end; at != end; ++at) {
    const std::smatch& match = *at;
    if (match.str(5).find("rotate") != std::string::npos) continue;
    labels.push_back({std::stod(match.str(1)),
                      std::stod(match.str(2)),
                      std::stod(match.str(3)),
                      match.str(4),
                      match.str(6)});
  }
  return labels;
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

ChartSpec perplexity_chart() {
  ChartSpec spec;
  spec.title = "Perplexity by window";
  spec.x = {
      .label = "Window", .unit = "tokens", .logarithmic = true, .ticks = {128, 256, 512, 1024}};
  spec.y = {.label = "Perplexity", .logarithmic = true};
  spec.series = {{"base", {{128, 20}, {256, 300}, {512, 5e4}, {1024, 2e6}}},
                 {"tuned", {{128, 19}, {256, 18}, {512, 17.5}, {1024, 17}}, true}};
  return spec;
}

TEST(NiceTicks, AreOneTwoFiveStepsThatCoverTheRange) {
  EXPECT_THAT(nice_ticks(0, 10, 5, false), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(nice_ticks(-3, 7, 2, false), ElementsAre(-5, 0, 5, 10));
  EXPECT_THAT(nice_ticks(1, 1000, 4, true), ElementsAre(1, 10, 100, 1000));
  EXPECT_THAT(nice_ticks(12, 90, 8, true), ElementsAre(10, 20, 30, 50, 100));
  EXPECT_THAT(nice_ticks(10, 20, 4, true), ElementsAre(10, 15, 20));
  EXPECT_TRUE(nice_ticks(0, 10, 5, true).empty());
  EXPECT_TRUE(nice_ticks(kNan, 10, 5, false).empty());
}

TEST(NiceTicks, CoverAnyRangeWithAFewTicksInOrder) {
  for (const bool logarithmic : {false, true}) {
    for (double low = 1e-12; low < 1e12; low *= 37.7) {
      for (double ratio = 1.0001; ratio < 1e9; ratio *= 3.3) {
        const auto ticks = nice_ticks(low, low * ratio, 6, logarithmic);
        ASSERT_GE(ticks.size(), 2u) << low << " " << ratio;
        ASSERT_LE(ticks.size(), 16u) << low << " " << ratio;
        EXPECT_TRUE(std::is_sorted(ticks.begin(), ticks.end()));
        EXPECT_LE(ticks.front(), low * (1 + 1e-6));
        EXPECT_GE(ticks.back(), low * ratio * (1 - 1e-6));
        EXPECT_TRUE(!logarithmic || ticks.front() > 0);
      }
    }
  }
}

TEST(TickText, ReadsWell) {
  EXPECT_EQ(tick_text(16384), "16,384");
  EXPECT_EQ(tick_text(0.1 + 0.2), "0.3");
  EXPECT_EQ(tick_text(-2.5), "-2.5");
  EXPECT_EQ(tick_text(1e8), "10⁸");
  EXPECT_EQ(tick_text(2e-5), "2×10⁻⁵");
  EXPECT_EQ(tick_text(5e-4), "5×10⁻⁴");
  EXPECT_EQ(tick_text(5e-4, 2e-3), "0.0005");
}

TEST(SvgText, MarkupControlAndInvalidBytesAreMadeSafe) {
  EXPECT_EQ(escape_markup("a<b>&\"\x01\xff\n\u00e9"), "a&lt;b&gt;&amp;&quot;\ufffd\ufffd \u00e9");
  ChartSpec spec = perplexity_chart();
  spec.title = spec.x.label = spec.series[0].name = "</text><script>";
  EXPECT_THAT(svg_chart(spec), Not(HasSubstr("<script")));
}

TEST(SvgText, LongTextIsWrappedToTheWidth) {
  const auto lines = wrap_text("several words and averyverylongwordwithoutanybreaks in it", 12, 90);
  EXPECT_GT(lines.size(), 3u);
  for (const std::string& line : lines) EXPECT_LE(text_width(line, 12), 90.0) << line;
}

TEST(SvgText, LongWordsBreakAfterWhatJoinsTheirParts) {
  EXPECT_THAT(wrap_text("direct-tuning-without-interpolation", 10, 110),
              ElementsAre("direct-tuning-", "without-", "interpolation"));
}

TEST(SvgChart, IsTheSameForTheSameInput) {
  EXPECT_EQ(svg_chart(perplexity_chart()), svg_chart(perplexity_chart()));
}

TEST(SvgChart, LabelsCarryUnitsAndTicks) {
  const std::string svg = svg_chart(perplexity_chart());
  EXPECT_THAT(svg, HasSubstr("Window [tokens]"));
  EXPECT_THAT(svg, HasSubstr(">1,024<"));
  EXPECT_THAT(svg, HasSubstr(">tuned<"));
  EXPECT_THAT(svg, HasSubstr("stroke-dasharray"));
}

TEST(SvgChart, NoTwoLabelsOverlapAndAllStandInsideThePicture) {
  ChartSpec spec = perplexity_chart();
  for (int i = 0; i < 9; ++i) {
    spec.series.push_back({"series with a name of some length, number " + std::to_string(i),
                           {{130.0 + i, 10.0 + i}}});
  }
  spec.subtitle = "linear, factor 8";
  spec.clip_above = 1000;
  spec.x.ticks = {128, 129, 130, 256, 512, 1000, 1024};
  for (const LegendPlace place : {LegendPlace::kRight, LegendPlace::kBelow}) {
    spec.legend = place;
    const auto labels = labels_of(svg_chart(spec));
    ASSERT_GT(labels.size(), 20u);
    std::vector<std::array<double, 4>> boxes;  // left, top, right, bottom
    for (const Label& label : labels) {
      const double width = text_width(label.text, label.px);
      const double left = label.anchor == "start" ? label.x
                          : label.anchor == "end" ? label.x - width
                                                  : label.x - width / 2;
      boxes.push_back({left, label.y - 0.7 * label.px, left + width, label.y});
      EXPECT_GE(left, 0) << label.text;
      EXPECT_LE(left + width, spec.width) << label.text;
      EXPECT_LE(label.y, spec.height) << label.text;
    }
    for (size_t i = 0; i < boxes.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        const bool apart = boxes[i][0] >= boxes[j][2] || boxes[j][0] >= boxes[i][2] ||
                           boxes[i][1] >= boxes[j][3] || boxes[j][1] >= boxes[i][3];
        EXPECT_TRUE(apart) << labels[i].text << " / " << labels[j].text;
      }
    }
  }
}

TEST(SvgChart, PaleLinesShareTheColourOfTheNextAndStandInNoLegend) {
  ChartSpec spec;
  spec.series = {{"values of a", {{0, 1}, {1, 3}}, false, LineKind::kPale},
                 {"mean of a", {{0, 2}, {1, 2}}, false, LineKind::kPlain},
                 {"b", {{0, 4}, {1, 4}}}};
  for (const LegendPlace place : {LegendPlace::kRight, LegendPlace::kBelow}) {
    spec.legend = place;
    const std::string svg = svg_chart(spec);
    EXPECT_THAT(svg, Not(HasSubstr("values of a")));
    EXPECT_THAT(svg, HasSubstr(">mean of a<"));
    EXPECT_EQ(count_of(svg, "stroke=\"#0072B2\""), 3u);  // two lines and the legend
    EXPECT_EQ(count_of(svg, "stroke-opacity"), 1u);
    EXPECT_EQ(count_of(svg, "<polygon"), 3u);  // markers of b alone, and in the legend
  }
}

// A baseline, then one model at so many steps.
ChartSpec steps_chart(int num_steps) {
  ChartSpec spec;
  spec.series = {{"base", {{0, 1}, {1, 1}}, true}};
  for (int step = 1; step <= num_steps; ++step) {
    spec.series.push_back({"step " + std::to_string(step), {{0, 2}, {1, 2.0 + step}}});
    spec.series.back().family = "tuned";
  }
  return spec;
}

// Colours of the lines, in the order drawn.
std::vector<std::string> line_colors(const std::string& svg) {
  static const std::regex kLine(R"re(<path d="[^"]*" fill="none" stroke="([^"]+)")re");
  std::vector<std::string> colors;
  for (std::sregex_iterator at(svg.begin(), svg.end(), kLine), end; at != end; ++at) {
    colors.push_back(at->str(1));
  }
  return colors;
}

double brightness(const std::string& color) {
  double sum = 0;
  for (const size_t at : {1, 3, 5}) sum += std::stoi(color.substr(at, 2), nullptr, 16);
  return sum;
}

TEST(SvgChart, AFamilyGoesFromLightToDarkWhereColoursAreTooFew) {
  const std::vector<std::string> colors = line_colors(svg_chart(steps_chart(30)));
  ASSERT_EQ(colors.size(), 31u);
  EXPECT_EQ(colors[0], "#0072B2");
  for (size_t i = 2; i < colors.size(); ++i) {
    EXPECT_LT(brightness(colors[i]), brightness(colors[i - 1])) << i;
  }
  const std::vector<std::string> few = line_colors(svg_chart(steps_chart(3)));
  EXPECT_THAT(few, ElementsAre("#0072B2", "#D55E00", "#009E73", "#CC79A7"));
}

TEST(SvgChart, EveryMemberOfAFamilyOfSinglePointsIsSeen) {
  ChartSpec spec = steps_chart(30);
  const auto num_points = [&] {
    const std::string svg = svg_chart(spec);
    size_t count = 0;
    for (size_t at = 0; (at = svg.find("stroke=\"#ffffff\"", at)) != std::string::npos; ++at)
      ++count;
    return count;
  };
  const size_t of_lines = num_points();
  size_t num_values = 0;
  for (const ChartSeries& series : spec.series) num_values += series.points.size();
  EXPECT_LT(of_lines, num_values);  // unnamed lines have none
  for (ChartSeries& series : spec.series) series.points.resize(1);
  EXPECT_GE(num_points(), spec.series.size());
}

TEST(SvgChart, OfALargeFamilyTheLegendNamesFirstLastAndSomeBetween) {
  for (const int num_steps : {8, 30, 1000}) {
    size_t named = 0;
    const std::string svg = svg_chart(steps_chart(num_steps));
    for (const Label& label : labels_of(svg)) named += label.text.starts_with("step ") ? 1 : 0;
    EXPECT_EQ(named, 7u);
    EXPECT_THAT(svg, HasSubstr(">step 1<"));
    EXPECT_THAT(svg, HasSubstr(">step " + std::to_string(num_steps) + "<"));
    EXPECT_THAT(svg, HasSubstr("8 of " + std::to_string(num_steps + 1) + " are named"));
    EXPECT_EQ(count_of(svg, "stroke-dasharray"), 2u);  // of the baseline alone, and its sample
  }
  EXPECT_THAT(svg_chart(steps_chart(7)), Not(HasSubstr("are named")));
}

TEST(SvgChart, ThePlotKeepsItsHeightHoweverLongTheLegend) {
  const auto height_of = [](const ChartSpec& spec) {
    const std::string svg = svg_chart(spec);
    const size_t at = svg.find(" height=\"") + 9;
    return std::stod(svg.substr(at));
  };
  ChartSpec spec = perplexity_chart();
  spec.legend = LegendPlace::kBelow;
  spec.width = 390;
  spec.plot_height = 200;
  const double height = height_of(spec);
  EXPECT_GT(height, 200);
  for (int i = 0; i < 10; ++i) {
    spec.series.push_back({"another series with a long name " + std::to_string(i), {{256, 10}}});
  }
  EXPECT_GT(height_of(spec), height + 9 * 15);
}

TEST(SvgChart, TicksReachTheEndsThatAreGiven) {
  ChartSpec spec;
  spec.y.minimum = 0.0;
  spec.y.maximum = 100.0;
  spec.series = {{"a", {{0, 61}, {1, 63}}}};
  const std::string svg = svg_chart(spec);
  EXPECT_THAT(svg, HasSubstr(">0<"));
  EXPECT_THAT(svg, HasSubstr(">20<"));
  EXPECT_THAT(svg, HasSubstr(">100<"));
}

TEST(SvgChart, StepsHaveWholeTicks) {
  ChartSpec spec;
  spec.x.whole = true;
  spec.series = {{"a", {{4, 1}, {8, 2}}}};
  EXPECT_THAT(svg_chart(spec), Not(HasSubstr(">4.5<")));
  EXPECT_THAT(svg_chart(spec), HasSubstr(">5<"));
  spec.series = {{"a", {{3, 1}}}};
  EXPECT_THAT(svg_chart(spec), HasSubstr(">3<"));
}

TEST(SvgChart, LabelsOfANarrowAxisKeepEqualSteps) {
  ChartSpec spec;
  spec.width = 390;
  spec.series = {{"a", {{0, 1}, {3000, 2}}}};
  const std::string svg = svg_chart(spec);
  EXPECT_EQ(svg.find(">500<") == std::string::npos, svg.find(">1,500<") == std::string::npos);
  EXPECT_THAT(svg, HasSubstr(">1,000<"));
}

TEST(SvgHeatMap, NarrowCellsHaveAScaleOfColoursInsteadOfNumbers) {
  HeatMapSpec spec{.title = "t", .x_label = "x", .y_label = "y", .y_values = {"0"}};
  std::vector<std::optional<double>> row;
  for (int i = 0; i < 20; ++i) {
    spec.x_values.push_back(std::to_string(1000 * i));
    row.emplace_back(0.37);
  }
  spec.maps = {{"m", {row}}};
  EXPECT_THAT(svg_heat_maps(spec), HasSubstr(">37<"));
  spec.width = 390;
  const std::string narrow = svg_heat_maps(spec);
  EXPECT_THAT(narrow, Not(HasSubstr(">37<")));
  EXPECT_THAT(narrow, HasSubstr(">100 %<"));
  const auto labels = labels_of(narrow);
  for (const Label& label : labels) EXPECT_LE(label.x, spec.width);
}

TEST(SvgChart, GapsBreakTheLine) {
  ChartSpec spec;
  spec.series = {{"a", {{0, 1}, {1, 2}, {2, kNan}, {3, 2}, {4, 1}}}};
  const std::string svg = svg_chart(spec);
  const std::string path = svg.substr(svg.find("<path d="), 200);
  EXPECT_EQ(count_of(path.substr(0, path.find(" fill")), "M"), 2u);
}

TEST(SvgChart, ClippedValuesAreMarkedAndCounted) {
  ChartSpec spec = perplexity_chart();
  spec.clip_above = 1000;
  const std::string svg = svg_chart(spec);
  EXPECT_THAT(svg, HasSubstr("△ 2 values above 1,000"));
  EXPECT_THAT(svg, HasSubstr("largest: 2,000,000"));
  EXPECT_EQ(count_of(svg, "fill=\"#ffffff\" stroke="), 2u);
  spec.series[0].points[3].y = kInfinity;
  EXPECT_THAT(svg_chart(spec), HasSubstr("largest: infinite"));
}

TEST(SvgChart, ValuesWithoutAPlaceAreCountedAndNothingBreaks) {
  ChartSpec spec = perplexity_chart();
  spec.series = {{"a", {{128, -1}, {256, 0}, {512, 5}, {kNan, 3}, {-4, 3}, {1024, kInfinity}}},
                 {"empty", {}}};
  const std::string svg = svg_chart(spec);
  EXPECT_THAT(svg, HasSubstr("not drawn"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf,")));
  EXPECT_THAT(svg_chart(ChartSpec{}), HasSubstr("No values to draw"));
}

TEST(SvgChart, ExtremeRangesStayFinite) {
  for (const bool logarithmic : {false, true}) {
    for (const auto& [low, high] : std::vector<std::pair<double, double>>{{5, 5},
                                                                          {0, 0},
                                                                          {-7, -7},
                                                                          {1e-280, 1e300},
                                                                          {-1e308, 1e308},
                                                                          {1.7e308, 1.7e308},
                                                                          {5e-324, 5e-324},
                                                                          {1, 1 + 1e-15}}) {
      ChartSpec spec;
      spec.y.logarithmic = logarithmic;
      spec.series = {{"a", {{0, low}, {1, high}}}};
      const std::string svg = svg_chart(spec);
      EXPECT_THAT(svg, Not(HasSubstr("nan"))) << low << " " << high;
      EXPECT_LT(svg.size(), 20000u) << low << " " << high;
    }
  }
}

}  // namespace
}  // namespace ropewalk

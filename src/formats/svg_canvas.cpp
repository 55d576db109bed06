#include "formats/svg_canvas.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>

#include "formats/svg_text.h"
#include "ropewalk/formats/markup.h"

namespace ropewalk {
namespace {

// Okabe and Ito's palette without its yellow, which white paper swallows: told apart with every
// common colour blindness. Order: largest differences first.
constexpr std::array kColors = {
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4D4D4D"};
constexpr std::array kDashes = {"", "7 4", "2 3", "9 3 2 3"};
constexpr double kMarkerPx = 4.2;  // half size
constexpr size_t kMaxMarkedPoints = 40;
// Brightness of the ends of every ramp, of 255: the light one is still seen on white, the dark one
// still has a hue.
constexpr double kLightEnd = 195.0;
constexpr double kDarkEnd = 60.0;
// Names of families in a legend: of a single one as many as eyes tell shades apart.
constexpr size_t kMostFamilyNames = 10;
constexpr size_t kFewestOfFamily = 3;
constexpr size_t kMostOfFamily = 7;

// `place`: 0 is light, 1 dark, and between them the colour itself.
std::string shade_of(const std::string& color, double place) {
  const auto part = [&](size_t at) -> double {
    return std::stoi(color.substr(at, 2), nullptr, 16);
  };
  const double brightness = 0.3 * part(1) + 0.59 * part(3) + 0.11 * part(5);
  const double white =
      std::max(0.0, 1.0 - 2.0 * place) * (kLightEnd - brightness) / (255.0 - brightness);
  const double black = std::max(0.0, 2.0 * place - 1.0) * (1.0 - kDarkEnd / brightness);
  std::string text = "#";
  for (const size_t at : {1, 3, 5}) {
    const double mixed = (part(at) + white * (255.0 - part(at))) * (1.0 - black);
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02X", static_cast<unsigned>(std::lround(mixed)) & 0xFFU);
    text += digits;
  }
  return text;
}

struct LineFamily {
  size_t size = 0;
  size_t seen = 0;
  size_t number = 0;
};

// By name; none where the palette has a colour for every line.
std::map<std::string, LineFamily> families_of(const ChartSpec& spec) {
  std::map<std::string, LineFamily> families;
  size_t num_lines = 0;
  for (const ChartSeries& series : spec.series) {
    if (series.line == LineKind::kPale) continue;
    ++num_lines;
    if (!series.family.empty()) ++families[series.family].size;
  }
  if (num_lines <= kColors.size()) return {};
  std::erase_if(families, [](const auto& entry) { return entry.second.size < 2; });
  return families;
}

// The first, the last and some between at about equal distances.
bool is_named(const LineFamily& family, size_t most) {
  if (family.size <= most) return true;
  const size_t gaps = most - 1, last = family.size - 1;
  const size_t nearest = (2 * family.seen * gaps + last) / (2 * last);
  return (2 * nearest * last + gaps) / (2 * gaps) == family.seen;
}

}  // namespace

void Canvas::text(double x, double y, const std::string& content, const TextStyle& style) {
  std::string element = "<text x=\"" + svg_number(x) + "\" y=\"" + svg_number(y) +
                        "\" font-size=\"" + svg_number(style.px) + "\" text-anchor=\"" +
                        style.anchor + "\" fill=\"" + style.color + "\"";
  if (style.bold) element += " font-weight=\"600\"";
  if (style.rotate != 0.0) {
    element += " transform=\"rotate(" + svg_number(style.rotate) + " " + svg_number(x) + " " +
               svg_number(y) + ")\"";
  }
  raw(element + ">" + escape_markup(content) + "</text>");
}

void Canvas::line(double x1, double y1, double x2, double y2, const std::string& attributes) {
  raw("<line x1=\"" + svg_number(x1) + "\" y1=\"" + svg_number(y1) + "\" x2=\"" + svg_number(x2) +
      "\" y2=\"" + svg_number(y2) + "\" " + attributes + "/>");
}

std::vector<SeriesStyle> series_styles(const ChartSpec& spec) {
  std::map<std::string, LineFamily> families = families_of(spec);
  const size_t most_named = std::clamp(
      kMostFamilyNames / std::max<size_t>(1, families.size()), kFewestOfFamily, kMostOfFamily);
  std::vector<SeriesStyle> styles;
  size_t next = 0;  // a pale line looks like the one that follows
  for (const ChartSeries& series : spec.series) {
    const bool pale = series.line == LineKind::kPale;
    const auto found = pale ? families.end() : families.find(series.family);
    LineFamily* family = found == families.end() ? nullptr : &found->second;
    if (family != nullptr && family->seen == 0) family->number = next;
    if (!pale && (family == nullptr || family->seen == 0)) ++next;
    SeriesStyle style{.number = family ? family->number : next - (pale ? 0 : 1), .pale = pale};
    style.color = kColors[style.number % kColors.size()];
    // Colours come round again with another dash, so that no two look the same.
    const size_t round = style.number / kColors.size();
    if (!pale) style.dash = kDashes[(round + (series.dashed ? 1 : 0)) % kDashes.size()];
    style.named = !pale;
    if (family != nullptr) {
      style.shaded = true;
      style.named = is_named(*family, most_named);
      style.color = shade_of(
          style.color, static_cast<double>(family->seen) / static_cast<double>(family->size - 1));
      ++family->seen;
    }
    styles.push_back(std::move(style));
  }
  return styles;
}

bool has_markers(const ChartSeries& series, const SeriesStyle& style) {
  const bool is_point = series.points.size() == 1;  // nothing else is seen of it
  return (style.named || is_point) && series.line == LineKind::kMarked &&
         series.points.size() <= kMaxMarkedPoints;
}

std::string marker(double x, double y, const SeriesStyle& style) {
  const auto at = [&](double dx, double dy) {
    return svg_number(x + dx * kMarkerPx) + "," + svg_number(y + dy * kMarkerPx);
  };
  const std::string paint =
      " fill=\"" + style.color + "\" stroke=\"#ffffff\" stroke-width=\"1.2\"/>";
  switch (style.number % 5) {
    case 0:
      return "<circle cx=\"" + svg_number(x) + "\" cy=\"" + svg_number(y) + "\" r=\"" +
             svg_number(kMarkerPx) + "\"" + paint;
    case 1:
      return "<polygon points=\"" + at(-0.9, -0.9) + " " + at(0.9, -0.9) + " " + at(0.9, 0.9) +
             " " + at(-0.9, 0.9) + "\"" + paint;
    case 2:
      return "<polygon points=\"" + at(0, -1.2) + " " + at(1.2, 0) + " " + at(0, 1.2) + " " +
             at(-1.2, 0) + "\"" + paint;
    case 3:
      return "<polygon points=\"" + at(-1.15, 0.9) + " " + at(1.15, 0.9) + " " + at(0, -1.2) +
             "\"" + paint;
    default:
      return "<polygon points=\"" + at(-1.15, -0.9) + " " + at(1.15, -0.9) + " " + at(0, 1.2) +
             "\"" + paint;
  }
}

std::string clipped_marker(double x, double y, const SeriesStyle& style) {
  return "<polygon points=\"" + svg_number(x - 5.5) + "," + svg_number(y + 9.0) + " " +
         svg_number(x + 5.5) + "," + svg_number(y + 9.0) + " " + svg_number(x) + "," +
         svg_number(y + 1.0) + "\" fill=\"#ffffff\" stroke=\"" + style.color +
         "\" stroke-width=\"1.8\"/>";
}

std::string stroke(const SeriesStyle& style, double width_px) {
  return "fill=\"none\" stroke=\"" + style.color + "\" stroke-width=\"" + svg_number(width_px) +
         "\" stroke-linejoin=\"round\" stroke-linecap=\"round\"" +
         (style.pale ? " stroke-opacity=\"0.35\"" : "") +
         (style.dash.empty() ? "" : " stroke-dasharray=\"" + style.dash + "\"");
}

}  // namespace ropewalk

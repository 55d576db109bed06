#include "formats/svg_canvas.h"

#include <array>

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

SeriesStyle series_style(const ChartSpec& spec, size_t index) {
  const ChartSeries& series = spec.series[index];
  size_t number = 0;  // among those with a colour of their own
  for (size_t i = 0; i < index; ++i) number += spec.series[i].line == LineKind::kPale ? 0 : 1;
  // Colours come round again with another dash, so that no two look the same.
  const size_t round = number / kColors.size();
  const size_t dash = (round + (series.dashed ? 1 : 0)) % kDashes.size();
  const bool pale = series.line == LineKind::kPale;
  return {kColors[number % kColors.size()], pale ? "" : kDashes[dash], number, pale};
}

bool has_markers(const ChartSeries& series) {
  return series.line == LineKind::kMarked && series.points.size() <= kMaxMarkedPoints;
}

std::string marker(double x, double y, const SeriesStyle& style) {
  const auto at = [&](double dx, double dy) {
    return svg_number(x + dx * kMarkerPx) + "," + svg_number(y + dy * kMarkerPx);
  };
  const std::string paint =
      " fill=\"" + style.color + "\" stroke=\"#ffffff\" stroke-width=\"1.2\"/>";
  switch (style.shape % 5) {
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

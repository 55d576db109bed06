// What a chart is drawn with: text, lines, and how each series looks.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/formats/svg_chart.h"

namespace ropewalk {

inline constexpr const char* kInk = "#222222";
inline constexpr double kTextPx = 13.0;
inline constexpr double kLineHeight = 1.35;  // of the font size

struct TextStyle {
  double px = kTextPx;
  const char* anchor = "start";
  const char* color = kInk;
  bool bold = false;
  double rotate = 0.0;
};

// Collects elements in the order drawn.
class Canvas {
 public:
  void raw(const std::string& element) { body_ += "  " + element + "\n"; }
  // `y`: the baseline.
  void text(double x, double y, const std::string& content, const TextStyle& style);
  void line(double x1, double y1, double x2, double y2, const std::string& attributes);
  const std::string& body() const { return body_; }

 private:
  std::string body_;
};

struct SeriesStyle {
  std::string color;
  std::string dash;
  size_t number = 0;  // of its colour and marker: counts families and lines by themselves
  bool pale = false;
  bool shaded = false;  // one of a family, from light to dark
  bool named = true;    // in the legend
};

// Of each series of the chart.
std::vector<SeriesStyle> series_styles(const ChartSpec& spec);
// More points than some read better as a bare line, and so do lines between those that are named.
bool has_markers(const ChartSeries& series, const SeriesStyle& style);
std::string marker(double x, double y, const SeriesStyle& style);
// Open, and larger than a marker: "the value lies further up".
std::string clipped_marker(double x, double y, const SeriesStyle& style);
// Attributes of a series' line.
std::string stroke(const SeriesStyle& style, double width_px);

}  // namespace ropewalk

#include "ropewalk/formats/svg_chart.h"

#include <algorithm>
#include <cmath>

#include "formats/svg_frame.h"
#include "formats/svg_legend.h"
#include "formats/svg_scale.h"
#include "formats/svg_text.h"

namespace ropewalk {
namespace {

constexpr const char* kGrid = "#e4e6ea";
constexpr double kLegendGap = 20.0;  // between plot and legend
constexpr double kLabelGap = 8.0;    // between labels of ticks

std::string axis_title(const ChartAxis& axis) {
  if (axis.unit.empty()) return axis.label;
  return axis.label.empty() ? "[" + axis.unit + "]" : axis.label + " [" + axis.unit + "]";
}

double width_of(const ChartSeries& series, const SeriesStyle& style) {
  if (style.pale) return 1.0;
  return has_markers(series, style) || series.line == LineKind::kPlain ? 2.0 : 1.5;
}

struct Box {
  double left = 0.0, top = 0.0, right = 0.0, bottom = 0.0;
};

// What does not fit on the axes, in words.
struct Notes {
  int clipped = 0, unplaceable = 0;
  double largest = 0.0;
};

// Where the legend leaves lines of families out.
std::string naming_note(const std::vector<SeriesStyle>& styles) {
  int lines = 0, named = 0;
  for (const SeriesStyle& style : styles) {
    lines += style.pale ? 0 : 1;
    named += style.named ? 1 : 0;
  }
  if (named == lines) return "";
  return "Lines of one hue go from light to dark in order; " + std::to_string(named) + " of " +
         std::to_string(lines) + " are named. ";
}

class Chart {
 public:
  explicit Chart(const ChartSpec& spec) : spec_(spec), styles_(series_styles(spec)) {}
  std::string draw();

 private:
  bool is_clipped(const ChartPoint& point) const {
    return spec_.clip_above && point.y > *spec_.clip_above;
  }
  bool is_drawn(const ChartPoint& point) const {
    return can_place(point.x, spec_.x.logarithmic) &&
           (can_place(point.y, spec_.y.logarithmic) || is_clipped(point));
  }
  void collect();
  void lay_out();
  size_t label_stride() const;
  void draw_x_axis();
  void draw_y_axis();
  void draw_series(size_t index);
  std::string path_of(const ChartSeries& series) const;
  ChartPoint border_point(const ChartPoint& inside, const ChartPoint& above) const;
  void draw_notes();

  const ChartSpec& spec_;
  const std::vector<SeriesStyle> styles_;
  Canvas canvas_;
  AxisScale x_, y_;
  Box box_;
  Legend legend_;
  Titles titles_;
  std::vector<std::string> notes_;
  double legend_x_ = 0.0, legend_y_ = 0.0;
  double height_ = 0.0;  // of the picture
};

void Chart::collect() {
  std::vector<double> xs, ys;
  Notes notes;
  for (const ChartSeries& series : spec_.series) {
    for (const ChartPoint& point : series.points) {
      if (is_drawn(point)) {
        xs.push_back(point.x);
        if (!is_clipped(point)) ys.push_back(point.y);
        if (is_clipped(point)) ++notes.clipped, notes.largest = std::max(notes.largest, point.y);
      } else if (!std::isnan(point.y)) {
        ++notes.unplaceable;
      }
    }
  }
  if (notes.clipped > 0) ys.push_back(*spec_.clip_above);
  x_ = make_scale(spec_.x, xs, 8, std::nullopt);
  y_ = make_scale(spec_.y, ys, 6, notes.clipped > 0 ? spec_.clip_above : std::nullopt);
  std::string text = naming_note(styles_);
  if (xs.empty()) text += "No values to draw. ";
  if (notes.clipped > 0) {
    const std::string largest =
        std::isfinite(notes.largest) ? tick_text(std::round(notes.largest)) : "infinite";
    text += "△ " + std::to_string(notes.clipped) + (notes.clipped == 1 ? " value" : " values") +
            " above " + tick_text(*spec_.clip_above) +
            ", drawn at the upper border (largest: " + largest + "). ";
  }
  if (notes.unplaceable > 0) {
    text += std::to_string(notes.unplaceable) +
            " not drawn: infinite, or not above 0 on a logarithmic axis.";
  }
  if (!text.empty()) notes_ = wrap_text(text, kTickPx, spec_.width - 2.0 * kMargin);
}

void Chart::lay_out() {
  const double inner = spec_.width - 2.0 * kMargin;
  titles_ = make_titles(spec_.title, spec_.subtitle, spec_.width);
  box_.top = titles_.height;
  double widest = 0.0;
  for (const double tick : y_.ticks)
    widest = std::max(widest, text_width(y_.text_of(tick), kTickPx));
  const bool has_y_title = !axis_title(spec_.y).empty();
  box_.left = kMargin + widest + 10.0 + (has_y_title ? kTextPx * 1.9 : 0.0);
  const double notes_px = kTickPx * kLineHeight * static_cast<double>(notes_.size());
  double below = kMargin + notes_px + (notes_.empty() ? 0.0 : 6.0);
  const bool beside = spec_.legend == LegendPlace::kRight && !spec_.series.empty();
  legend_ = beside ? legend_right(spec_) : legend_below(spec_, inner);
  const double legend_above_px = below;  // of the lower border
  if (!beside && legend_.height > 0.0) below += legend_.height + 4.0;
  const bool has_x_title = !axis_title(spec_.x).empty();
  below += kTickPx * 1.7 + (has_x_title ? kTextPx * 1.9 : 0.0);
  height_ = spec_.plot_height ? box_.top + *spec_.plot_height + below : spec_.height;
  box_.bottom = height_ - below;
  if (!beside) {
    legend_x_ = kMargin;
    legend_y_ = height_ - legend_above_px - legend_.height;
  }
  // The last label may stand half outside the plot.
  const double last_label =
      x_.ticks.empty() ? 0.0 : text_width(x_.text_of(x_.ticks.back()), kTickPx) / 2.0 + 4.0;
  box_.right = spec_.width - (beside ? kMargin + legend_.width + std::max(kLegendGap, last_label)
                                     : std::max(kMargin, last_label));
  if (beside) {
    legend_x_ = spec_.width - kMargin - legend_.width;
    legend_y_ = box_.top;
  }
  // However small the picture was asked to be, the plot keeps some area.
  box_.bottom = std::max(box_.bottom, box_.top + 40.0);
  box_.right = std::max(box_.right, box_.left + 40.0);
  x_.from_px = box_.left, x_.to_px = box_.right;
  y_.from_px = box_.bottom, y_.to_px = box_.top;
}

// Where labels would touch, every second or third computed tick of a linear axis has one.
size_t Chart::label_stride() const {
  if (x_.logarithmic || !spec_.x.ticks.empty() || x_.ticks.size() < 2) return 1;
  double widest = 0.0;
  for (const double tick : x_.ticks)
    widest = std::max(widest, text_width(x_.text_of(tick), kTickPx));
  const double step_px = x_.place(x_.ticks[1]) - x_.place(x_.ticks[0]);
  size_t stride = 1;
  while (stride < x_.ticks.size() && step_px * static_cast<double>(stride) < widest + kLabelGap) {
    ++stride;
  }
  return stride;
}

void Chart::draw_x_axis() {
  double free_from = -1e9;  // labels that would touch the one before are left out
  const size_t stride = label_stride();
  for (size_t i = 0; i < x_.ticks.size(); ++i) {
    const double tick = x_.ticks[i];
    const double x = x_.place(tick);
    canvas_.line(x, box_.top, x, box_.bottom, "stroke=\"" + std::string(kGrid) + "\"");
    const std::string label = x_.text_of(tick);
    const double half = text_width(label, kTickPx) / 2.0;
    if (i % stride != 0 || x - half < free_from) continue;
    free_from = x + half + kLabelGap;
    canvas_.text(x,
                 box_.bottom + kTickPx * 1.45,
                 label,
                 {.px = kTickPx, .anchor = "middle", .color = kSoftInk});
  }
  if (const std::string title = axis_title(spec_.x); !title.empty()) {
    canvas_.text((box_.left + box_.right) / 2.0,
                 box_.bottom + kTickPx * 1.7 + kTextPx * 1.35,
                 title,
                 {.anchor = "middle"});
  }
}

void Chart::draw_y_axis() {
  double free_below = 1e9;
  for (const double tick : y_.ticks) {
    const double y = y_.place(tick);
    canvas_.line(box_.left, y, box_.right, y, "stroke=\"" + std::string(kGrid) + "\"");
    if (y + kTickPx * 0.55 > free_below) continue;
    free_below = y - kTickPx * 0.55;
    canvas_.text(box_.left - 8.0,
                 y + kTickPx * 0.35,
                 y_.text_of(tick),
                 {.px = kTickPx, .anchor = "end", .color = kSoftInk});
  }
  if (const std::string title = axis_title(spec_.y); !title.empty()) {
    canvas_.text(kMargin + kTextPx * 0.8,
                 (box_.top + box_.bottom) / 2.0,
                 title,
                 {.anchor = "middle", .rotate = -90.0});
  }
  canvas_.line(box_.left, box_.top, box_.left, box_.bottom, "stroke=\"#9aa0a6\"");
  canvas_.line(box_.left, box_.bottom, box_.right, box_.bottom, "stroke=\"#9aa0a6\"");
}

// Where the line between a shown point and one above the border crosses it, in px.
ChartPoint Chart::border_point(const ChartPoint& inside, const ChartPoint& above) const {
  const double to_x = x_.place(above.x);
  if (!std::isfinite(above.y)) return {to_x, box_.top};
  const auto height = [&](double y) { return y_.logarithmic ? std::log(y) : y / 2.0; };
  const double low = height(std::max(inside.y, y_.low));
  const double share = (height(y_.high) - low) / (height(above.y) - low);
  const double from_x = x_.place(inside.x);
  return {from_x + std::clamp(share, 0.0, 1.0) * (to_x - from_x), box_.top};
}

std::string Chart::path_of(const ChartSeries& series) const {
  std::string path;
  const ChartPoint* last = nullptr;
  const auto add = [&](const char* command, double x, double y) {
    path += (path.empty() ? "" : " ") + std::string(command) + svg_number(x) + "," + svg_number(y);
  };
  for (const ChartPoint& point : series.points) {
    if (!is_drawn(point)) {
      last = nullptr;
      continue;
    }
    if (last != nullptr && is_clipped(*last) != is_clipped(point)) {
      const ChartPoint cross =
          is_clipped(point) ? border_point(*last, point) : border_point(point, *last);
      add(is_clipped(point) ? "L" : "M", cross.x, cross.y);
    }
    if (!is_clipped(point)) add(last == nullptr ? "M" : "L", x_.place(point.x), y_.place(point.y));
    last = &point;
  }
  return path;
}

void Chart::draw_series(size_t index) {
  const ChartSeries& series = spec_.series[index];
  const SeriesStyle& style = styles_[index];
  const bool marked = has_markers(series, style);
  if (const std::string path = path_of(series); !path.empty()) {
    canvas_.raw("<path d=\"" + path + "\" " + stroke(style, width_of(series, style)) + "/>");
  }
  for (const ChartPoint& point : series.points) {
    if (!is_drawn(point)) continue;
    const double x = x_.place(point.x);
    if (is_clipped(point)) {
      canvas_.raw(clipped_marker(x, box_.top, style));
    } else if (marked) {
      canvas_.raw(marker(x, y_.place(point.y), style));
    }
  }
}

void Chart::draw_notes() {
  double y = height_ - kMargin + kTickPx * 0.3 -
             kTickPx * kLineHeight * (static_cast<double>(notes_.size()) - 1.0);
  for (const std::string& line : notes_) {
    canvas_.text(kMargin, y, line, {.px = kTickPx, .color = kSoftInk});
    y += kTickPx * kLineHeight;
  }
}

std::string Chart::draw() {
  collect();
  lay_out();
  draw_titles(canvas_, titles_);
  draw_x_axis();
  draw_y_axis();
  for (size_t i = 0; i < spec_.series.size(); ++i) draw_series(i);
  draw_legend(canvas_, spec_, legend_, legend_x_, legend_y_);
  draw_notes();
  // A legend longer than the plot lengthens the picture.
  const double height =
      std::max({height_, legend_y_ + legend_.height + kMargin, box_.bottom + kMargin});
  return svg_document(spec_.title, spec_.width, height, canvas_);
}

}  // namespace

std::string svg_chart(const ChartSpec& spec) { return Chart(spec).draw(); }

}  // namespace ropewalk

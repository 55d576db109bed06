#include "ropewalk/formats/svg_heat_map.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "formats/svg_frame.h"
#include "formats/svg_text.h"

namespace ropewalk {
namespace {

constexpr double kCellHeight = 30.0;
constexpr double kWidestCell = 110.0;
constexpr double kMapGap = 18.0;
constexpr const char* kUnknown = "#eeeeee";

// From white to the palette's blue.
std::string color_of(double share) {
  const auto mix = [&](int to) { return static_cast<int>(std::lround(255 + share * (to - 255))); };
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", mix(0x00), mix(0x5f), mix(0x9e));
  return text;
}

class HeatMapPicture {
 public:
  explicit HeatMapPicture(const HeatMapSpec& spec) : spec_(spec) {
    titles_ = make_titles(spec.title, spec.subtitle, spec.width);
    double widest = 0.0;
    for (const std::string& value : spec.y_values) {
      widest = std::max(widest, text_width(value, kTickPx));
    }
    left_ = kMargin + kTextPx * 1.9 + widest + 10.0;
    const auto columns = static_cast<double>(std::max<size_t>(1, spec.x_values.size()));
    cell_ = std::min(kWidestCell, (spec.width - kMargin - left_) / columns);
    has_numbers_ = cell_ >= text_width("100", kTickPx) + 4.0;
  }

  std::string draw() {
    draw_titles(canvas_, titles_);
    double y = titles_.height;
    if (!has_numbers_) y = draw_color_scale(y);
    for (const HeatMap& map : spec_.maps) y = draw_map(map, y) + kMapGap;
    return svg_document(spec_.title, spec_.width, y - kMapGap + kMargin, canvas_);
  }

 private:
  // What the colours mean, where cells are too narrow for numbers. Returns where it ends.
  double draw_color_scale(double top) {
    constexpr int kSteps = 11;
    constexpr double kStepPx = 14.0;
    const TextStyle style = {.px = kTickPx, .color = kSoftInk};
    canvas_.text(left_, top + kTextPx, "0 %", style);
    double x = left_ + text_width("0 %", kTickPx) + 6.0;
    for (int i = 0; i < kSteps; ++i, x += kStepPx) {
      draw_rectangle(x, top, kStepPx, kTextPx + 3.0, color_of(i / (kSteps - 1.0)));
    }
    canvas_.text(x + 6.0, top + kTextPx, "100 %", style);
    return top + kTextPx * 2.0;
  }

  void draw_rectangle(double x, double y, double width, double height, const std::string& color) {
    canvas_.raw("<rect x=\"" + svg_number(x) + "\" y=\"" + svg_number(y) + "\" width=\"" +
                svg_number(width) + "\" height=\"" + svg_number(height) + "\" fill=\"" + color +
                "\" stroke=\"#d0d4da\" stroke-width=\"0.5\"/>");
  }

  // Returns where it ends.
  double draw_map(const HeatMap& map, double top) {
    if (!map.title.empty()) {
      canvas_.text(left_, top + kTextPx, map.title, {.bold = true});
      top += kTextPx * 1.8;
    }
    for (size_t row = 0; row < map.rows.size(); ++row) {
      const double y = top + kCellHeight * static_cast<double>(row);
      canvas_.text(left_ - 8.0,
                   y + kCellHeight / 2.0 + kTickPx * 0.35,
                   spec_.y_values[row],
                   {.px = kTickPx, .anchor = "end", .color = kSoftInk});
      for (size_t column = 0; column < map.rows[row].size(); ++column) {
        draw_cell(left_ + cell_ * static_cast<double>(column), y, map.rows[row][column]);
      }
    }
    const double bottom = top + kCellHeight * static_cast<double>(map.rows.size());
    canvas_.text(kMargin + kTextPx * 0.8,
                 (top + bottom) / 2.0,
                 spec_.y_label,
                 {.anchor = "middle", .rotate = -90.0});
    return draw_x_axis(bottom);
  }

  void draw_cell(double x, double y, const std::optional<double>& share) {
    draw_rectangle(x, y, cell_ - 1.0, kCellHeight - 1.0, share ? color_of(*share) : kUnknown);
    const std::string text = share ? svg_number(std::round(100.0 * *share)) : std::string("\u2013");
    if (!has_numbers_) return;
    canvas_.text(
        x + cell_ / 2.0,
        y + kCellHeight / 2.0 + kTickPx * 0.35,
        text,
        {.px = kTickPx, .anchor = "middle", .color = share && *share > 0.55 ? "#ffffff" : kInk});
  }

  double draw_x_axis(double bottom) {
    double widest = 0.0;
    for (const std::string& value : spec_.x_values) {
      widest = std::max(widest, text_width(value, kTickPx));
    }
    // Where labels would touch, every second or third one is written.
    const auto stride = static_cast<size_t>(std::max(1.0, std::ceil((widest + 6.0) / cell_)));
    for (size_t column = 0; column < spec_.x_values.size(); column += stride) {
      const double x = left_ + cell_ * (static_cast<double>(column) + 0.5);
      canvas_.text(x,
                   bottom + kTickPx * 1.45,
                   spec_.x_values[column],
                   {.px = kTickPx, .anchor = "middle", .color = kSoftInk});
    }
    const double width = cell_ * static_cast<double>(spec_.x_values.size());
    const double baseline = bottom + kTickPx * 1.7 + kTextPx * 1.35;
    canvas_.text(left_ + width / 2.0, baseline, spec_.x_label, {.anchor = "middle"});
    return baseline + kTextPx * 0.5;
  }

  const HeatMapSpec& spec_;
  Canvas canvas_;
  Titles titles_;
  double left_ = 0.0;
  double cell_ = 0.0;
  bool has_numbers_ = true;
};

}  // namespace

std::string svg_heat_maps(const HeatMapSpec& spec) { return HeatMapPicture(spec).draw(); }

}  // namespace ropewalk

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
  }

  std::string draw() {
    draw_titles(canvas_, titles_);
    double y = titles_.height;
    for (const HeatMap& map : spec_.maps) y = draw_map(map, y) + kMapGap;
    return svg_document(spec_.title, spec_.width, y - kMapGap + kMargin, canvas_);
  }

 private:
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
    canvas_.raw("<rect x=\"" + svg_number(x) + "\" y=\"" + svg_number(y) + "\" width=\"" +
                svg_number(cell_ - 1.0) + "\" height=\"" + svg_number(kCellHeight - 1.0) +
                "\" fill=\"" + (share ? color_of(*share) : kUnknown) +
                "\" stroke=\"#d0d4da\" stroke-width=\"0.5\"/>");
    const std::string text = share ? svg_number(std::round(100.0 * *share)) : std::string("\u2013");
    canvas_.text(
        x + cell_ / 2.0,
        y + kCellHeight / 2.0 + kTickPx * 0.35,
        text,
        {.px = kTickPx, .anchor = "middle", .color = share && *share > 0.55 ? "#ffffff" : kInk});
  }

  double draw_x_axis(double bottom) {
    double free_from = -1e9;  // labels that would touch the one before are left out
    for (size_t column = 0; column < spec_.x_values.size(); ++column) {
      const double x = left_ + cell_ * (static_cast<double>(column) + 0.5);
      const double half = text_width(spec_.x_values[column], kTickPx) / 2.0;
      if (x - half < free_from) continue;
      free_from = x + half + 6.0;
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
};

}  // namespace

std::string svg_heat_maps(const HeatMapSpec& spec) { return HeatMapPicture(spec).draw(); }

}  // namespace ropewalk

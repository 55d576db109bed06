#include "formats/svg_legend.h"

#include <algorithm>

#include "formats/svg_text.h"

namespace ropewalk {
namespace {

constexpr double kSwatchPx = 30.0;  // sample of the line
constexpr double kItemGapPx = 20.0;
constexpr double kMostOfWidth = 0.36;  // a column's share of the picture

// Without places and lines; families together.
std::vector<LegendItem> items_of(const ChartSpec& spec) {
  std::vector<LegendItem> items;
  for (const SeriesStyle& style : series_styles(spec)) {
    const size_t series = items.size();
    items.push_back({.series = series, .style = style, .lines = {}});
  }
  std::erase_if(items, [](const LegendItem& item) { return !item.style.named; });
  std::stable_sort(items.begin(), items.end(), [](const LegendItem& a, const LegendItem& b) {
    return a.style.number < b.style.number;
  });
  return items;
}

// A family has rows of its own.
bool starts_row(const SeriesStyle& before, const SeriesStyle& style) {
  return before.number != style.number && (before.shaded || style.shaded);
}

}  // namespace

Legend legend_right(const ChartSpec& spec) {
  Legend legend;
  const double most = spec.width * kMostOfWidth - kSwatchPx - 8.0;
  double y = kTextPx;
  for (LegendItem& item : items_of(spec)) {
    item.y = y;
    item.lines = wrap_text(spec.series[item.series].name, kTextPx, most);
    for (const std::string& line : item.lines) {
      legend.width = std::max(legend.width, kSwatchPx + 8.0 + text_width(line, kTextPx));
    }
    y += kTextPx * kLineHeight * static_cast<double>(item.lines.size()) + 5.0;
    legend.items.push_back(std::move(item));
  }
  legend.height = y - kTextPx;
  return legend;
}

Legend legend_below(const ChartSpec& spec, double width_px) {
  Legend legend;
  const double row_px = kTextPx * kLineHeight + 5.0;
  legend.width = width_px;
  const double most = legend.width - kSwatchPx - 8.0;
  double x = 0.0, y = kTextPx;
  for (LegendItem& item : items_of(spec)) {
    if (x > 0.0 && starts_row(legend.items.back().style, item.style)) {
      x = 0.0;
      y += row_px;
    }
    item.x = x;
    item.y = y;
    item.lines = wrap_text(spec.series[item.series].name, kTextPx, most);
    double width = 0.0;
    for (const std::string& line : item.lines) width = std::max(width, text_width(line, kTextPx));
    width += kSwatchPx + 8.0 + kItemGapPx;
    if (x > 0.0 && x + width - kItemGapPx > legend.width) {
      item.x = x = 0.0;
      item.y = y += row_px;
    }
    x += width;
    y += kTextPx * kLineHeight * static_cast<double>(item.lines.size() - 1);
    legend.items.push_back(std::move(item));
  }
  legend.height = spec.series.empty() ? 0.0 : y + 8.0;
  return legend;
}

void draw_legend(Canvas& canvas, const ChartSpec& spec, const Legend& legend, double x, double y) {
  for (const LegendItem& item : legend.items) {
    const double left = x + item.x;
    double baseline = y + item.y;
    const double middle = baseline - kTextPx * 0.35;
    canvas.line(left, middle, left + kSwatchPx, middle, stroke(item.style, 2.0));
    if (has_markers(spec.series[item.series], item.style))
      canvas.raw(marker(left + kSwatchPx / 2.0, middle, item.style));
    for (const std::string& line : item.lines) {
      canvas.text(left + kSwatchPx + 8.0, baseline, line, {});
      baseline += kTextPx * kLineHeight;
    }
  }
}

}  // namespace ropewalk

#include "formats/svg_frame.h"

#include "formats/svg_text.h"
#include "ropewalk/formats/markup.h"

namespace ropewalk {
namespace {

constexpr const char* kFont =
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', "
    "sans-serif";
constexpr double kTitlePx = 18.0;
constexpr double kBelowTitles = 10.0;
constexpr double kBoldWidth = 1.12;  // of the plain face

}  // namespace

Titles make_titles(const std::string& title, const std::string& subtitle, double width) {
  const double inner = width - 2.0 * kMargin;
  Titles titles;
  if (!title.empty()) titles.title = wrap_text(title, kTitlePx * kBoldWidth, inner);
  if (!subtitle.empty()) titles.subtitle = wrap_text(subtitle, kTextPx, inner);
  titles.height = kMargin + kTitlePx * kLineHeight * static_cast<double>(titles.title.size()) +
                  kTextPx * kLineHeight * static_cast<double>(titles.subtitle.size()) +
                  (title.empty() && subtitle.empty() ? 0.0 : kBelowTitles);
  return titles;
}

void draw_titles(Canvas& canvas, const Titles& titles) {
  double y = kMargin + kTitlePx * 0.8;
  for (const std::string& line : titles.title) {
    canvas.text(kMargin, y, line, {.px = kTitlePx, .bold = true});
    y += kTitlePx * kLineHeight;
  }
  y -= titles.title.empty() ? 4.0 : kTitlePx * kLineHeight - kTextPx * kLineHeight - 4.0;
  for (const std::string& line : titles.subtitle) {
    canvas.text(kMargin, y, line, {.color = kSoftInk});
    y += kTextPx * kLineHeight;
  }
}

std::string svg_document(const std::string& title,
                         double width,
                         double height,
                         const Canvas& canvas) {
  const std::string w = svg_number(width);
  const std::string h = svg_number(height);
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + w + "\" height=\"" + h +
         "\" viewBox=\"0 0 " + w + " " + h + "\" role=\"img\" font-family=\"" + kFont +
         "\">\n  <title>" + escape_markup(title) +
         "</title>\n  <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n" + canvas.body() +
         "</svg>\n";
}

}  // namespace ropewalk

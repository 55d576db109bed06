// What every picture has around its plot: titles above, and the document.
#pragma once

#include <string>
#include <vector>

#include "formats/svg_canvas.h"

namespace ropewalk {

inline constexpr const char* kSoftInk = "#5f6368";
inline constexpr double kMargin = 18.0;
inline constexpr double kTickPx = 12.0;

struct Titles {
  std::vector<std::string> title, subtitle;  // in lines
  double height = 0.0;                       // with the margin above
};

// For a picture of this width.
Titles make_titles(const std::string& title, const std::string& subtitle, double width);
void draw_titles(Canvas& canvas, const Titles& titles);

std::string svg_document(const std::string& title,
                         double width,
                         double height,
                         const Canvas& canvas);

}  // namespace ropewalk

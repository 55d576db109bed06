// Text of a chart: what may stand in SVG, and about how wide it will be, since the viewer's font is
// not known here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ropewalk {

// Estimated width in px, a little on the wide side.
double text_width(std::string_view text, double font_px);
// Lines of at most `max_px`, broken at spaces where there are any, else after hyphens and the like.
// At least one line.
std::vector<std::string> wrap_text(std::string_view text, double font_px, double max_px);
// Two decimals at most, no locale: "12.5".
std::string svg_number(double value);

}  // namespace ropewalk

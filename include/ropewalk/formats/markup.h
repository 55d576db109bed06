// Text that stands in XML or HTML, such as a picture or a report.
#pragma once

#include <string>
#include <string_view>

namespace ropewalk {

// Valid between tags and in attributes with double quotes: markup escaped, control characters and
// invalid UTF-8 replaced, line ends and tabs become spaces.
std::string escape_markup(std::string_view text);

}  // namespace ropewalk

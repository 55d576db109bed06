// Tables for terminals.
#pragma once

#include <string>
#include <vector>

namespace ropewalk {

// Rows of cells as lines: the first column aligned to the left, the others to the right, two spaces
// apart.
std::string text_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace ropewalk

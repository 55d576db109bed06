// Lists of patterns for names, as settings give them: `*` matches any run of characters.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"

namespace ropewalk {

bool matches_any(const std::string& name, const std::vector<std::string>& patterns);

// Matches an included pattern (none given: every name does) and no excluded one.
bool is_selected(const std::string& name,
                 const std::vector<std::string>& included,
                 const std::vector<std::string>& excluded);

// Each pattern that matches none of the names becomes an error at `key`, with the nearest name.
void check_patterns(const std::vector<std::string>& patterns,
                    const std::vector<std::string>& names,
                    const std::string& key,
                    Diagnostics& faults);

}  // namespace ropewalk

#include "ropewalk/base/name_patterns.h"

#include <algorithm>

#include "ropewalk/base/text.h"

namespace ropewalk {

bool matches_any(const std::string& name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return matches_pattern(name, pattern);
  });
}

bool is_selected(const std::string& name,
                 const std::vector<std::string>& included,
                 const std::vector<std::string>& excluded) {
  return (included.empty() || matches_any(name, included)) && !matches_any(name, excluded);
}

void check_patterns(const std::vector<std::string>& patterns,
                    const std::vector<std::string>& names,
                    const std::string& key,
                    Diagnostics& faults) {
  for (const std::string& pattern : patterns) {
    const bool used = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return matches_pattern(name, pattern);
    });
    if (used) continue;
    std::string text = "\"" + pattern + "\" matches no parameter; names look like ";
    if (const auto near = nearest_name(pattern, names)) {
      text += "\"" + *near + "\"";
    } else if (!names.empty()) {
      text += "\"" + names.front() + "\" and \"" + names.back() + "\"";
    }
    faults.error(key, text + "; `*` matches any run of characters");
  }
}

}  // namespace ropewalk

// Numbers as the page shows them; what is not known is a dash.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/base/json.h"

namespace ropewalk {

inline constexpr const char* kUnknownValue = "–";

// Four digits: "1.846"; whole from 10,000.
std::string shown_number(double value);
// 0.385 is "38 %".
std::string shown_percent(double share);
// The middle one of those that are numbers; NaN when none is.
double median_of(std::vector<double> values);
// The value at "train.steps"; null when there is none.
Json value_at(const Json& config, const std::string& path);

}  // namespace ropewalk

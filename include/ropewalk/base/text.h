// Small text helpers for messages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ropewalk {

// The candidate closest to `word` by edit distance, if it is close enough to be a likely
// misspelling.
std::optional<std::string> nearest_name(std::string_view word,
                                        const std::vector<std::string>& candidates);

std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::vector<std::string> split(std::string_view text, char separator);

// "1.5 GiB", "312 KiB".
std::string format_bytes(uint64_t num_bytes);
// "2h03m", "41s".
std::string format_seconds(double seconds);
// Shortest text that reads back as the same double: "16", "0.1", "2e-05".
std::string format_number(double value);
// Four significant digits, for people: "7.449", "1.2e+06", "inf".
std::string format_rounded(double value);
// A share of 1: "12.5 %".
std::string format_percent(double share);
// "1 234 567" style grouping is not used; "1,234,567".
std::string format_count(int64_t count);
// "1 rank", "1,024 ranks".
std::string counted(int64_t count, std::string_view thing);
// The whole text as a decimal number: no spaces, no plus sign.
std::optional<int> parse_int(std::string_view text);
// `*` matches any run of characters, everything else itself.
bool matches_pattern(std::string_view name, std::string_view pattern);

}  // namespace ropewalk

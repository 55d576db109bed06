// JSON as this project reads and writes it (RFC 8259), stricter than nlohmann's defaults:
// duplicate keys, numbers that overflow a double (1e400), invalid UTF-8, depth over 64 and trailing
// text are errors that name the place. Key order is kept.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace ropewalk {

using Json = nlohmann::ordered_json;

struct JsonOptions {
  bool allow_comments = false;  // `//` and `/* */`; run configs only
  int max_depth = 64;
};

// `source` names the text in errors ("runs/a/config.json"). Throws ConfigError, with all duplicate
// keys listed at once.
Json parse_json(std::string_view text, const std::string& source, JsonOptions options = {});

// Throws ConfigError when the file is missing, unreadable or not JSON.
Json read_json_file(const std::filesystem::path& path, JsonOptions options = {});

// Two-space indent, final newline; doubles print so that they read back bit for bit.
std::string to_json_text(const Json& value);

// At most `max_bytes` of a text as a JSON string, for messages: what is not printable is escaped.
std::string quoted_text(std::string_view text, size_t max_bytes = 80);

}  // namespace ropewalk

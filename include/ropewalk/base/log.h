// The only door to spdlog. Lines go to standard error; with several ranks only rank 0 logs below
// `warn`, and every line of the others carries its rank. fmt-style arguments are formatted by the
// caller (std::string), which keeps spdlog and fmt out of every other file.
#pragma once

#include <string>

namespace ropewalk {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

void configure_logging(LogLevel level, int rank = 0, int world_size = 1);
void log_debug(const std::string& text);
void log_info(const std::string& text);
void log_warn(const std::string& text);
void log_error(const std::string& text);

}  // namespace ropewalk

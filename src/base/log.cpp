#include "ropewalk/base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <mutex>

namespace ropewalk {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> make_logger(LogLevel level, int rank, int world_size) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto made = std::make_shared<spdlog::logger>("ropewalk", std::move(sink));
  const bool speaks_below_warn = rank == 0;
  auto lowest = to_spdlog(level);
  if (!speaks_below_warn && lowest < spdlog::level::warn) lowest = spdlog::level::warn;
  made->set_level(lowest);
  made->flush_on(spdlog::level::trace);
  const std::string who = world_size > 1 && rank > 0 ? " [rank " + std::to_string(rank) + "]" : "";
  made->set_pattern("%H:%M:%S %l" + who + " %v");
  return made;
}

std::mutex logger_mutex;

// Made on first use, so that a message before configure_logging is not lost.
std::shared_ptr<spdlog::logger>& logger_slot() {
  static std::shared_ptr<spdlog::logger> slot = make_logger(LogLevel::kInfo, 0, 1);
  return slot;
}

void log_line(LogLevel level, const std::string& text) {
  std::shared_ptr<spdlog::logger> logger;
  {
    const std::lock_guard lock(logger_mutex);
    logger = logger_slot();
  }
  logger->log(to_spdlog(level), spdlog::string_view_t(text));
}

}  // namespace

void configure_logging(LogLevel level, int rank, int world_size) {
  auto made = make_logger(level, rank, world_size);
  const std::lock_guard lock(logger_mutex);
  logger_slot() = std::move(made);
}

void log_debug(const std::string& text) { log_line(LogLevel::kDebug, text); }
void log_info(const std::string& text) { log_line(LogLevel::kInfo, text); }
void log_warn(const std::string& text) { log_line(LogLevel::kWarn, text); }
void log_error(const std::string& text) { log_line(LogLevel::kError, text); }

}  // namespace ropewalk

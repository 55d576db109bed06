// The frame that front and engine share: builds the parser from a table of commands, runs the one
// that was named, and turns whatever was thrown into a message and an exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ropewalk::cli {

class Program {
 public:
  explicit Program(const std::vector<Command>& commands);

  // Parses and runs; returns the exit code. Throws CLI::ParseError and ropewalk::Error.
  int run(int argc, const char* const* argv);

  // To be called inside main's `catch (...)`: prints the current exception for the user and returns
  // the exit code (base/errors.h).
  int report_exception() const;

  // For a reader of words that stand inside another command: whether `error` is the wish for help,
  // and otherwise what is wrong, with a hint.
  static bool asks_for_help(const CLI::ParseError& error);
  std::string usage_message(const CLI::ParseError& error) const;

 private:
  CLI::App* subcommand(const CommandInfo& info);
  const CLI::App& deepest_parsed() const;
  int report_usage(const CLI::ParseError& error) const;
  std::string usage_fault(const CLI::ParseError& error) const;
  std::string usage_hint() const;

  CLI::App app_;
  std::vector<CommandInfo> infos_;
  std::map<const CLI::App*, std::function<int()>> runs_;
  std::vector<std::string> words_;
};

}  // namespace ropewalk::cli

// One command of the program: its words, its line in the help, its options and what it runs.
// Front and engine declare the same options from the same torch-free functions; in the front an
// engine command's `run` starts the engine, which parses the same words again.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

namespace ropewalk::cli {

struct CommandInfo {
  const char* name;     // the words: "train", "eval perplexity"
  const char* group;    // heading in the help
  const char* summary;  // one line
};

struct Command {
  CommandInfo info;
  // Adds the options to a fresh subcommand; returns what to run after a successful parse.
  std::function<std::function<int()>(CLI::App&)> attach;
};

template <typename Options, typename Run>
Command make_command(const CommandInfo& info, void (*declare)(CLI::App&, Options&), Run run) {
  return {info, [declare, run](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            declare(app, *options);
            return [options, run] { return run(*options); };
          }};
}

}  // namespace ropewalk::cli

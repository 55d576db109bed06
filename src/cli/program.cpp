#include "cli/program.h"

#include <algorithm>
#include <cstdio>
#include <new>
#include <optional>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk::cli {
namespace {

constexpr size_t kSummaryColumn = 22;

void configure(CLI::App& app) {
  app.get_formatter()->column_width(34);
  app.set_help_flag("-h,--help", "Print this help");
}

}  // namespace

Program::Program(const std::vector<Command>& commands) : app_("", "ropewalk") {
  configure(app_);
  app_.set_version_flag("--version", std::string("ropewalk ") + ROPEWALK_VERSION);
  app_.require_subcommand(1);
  for (const Command& command : commands) {
    infos_.push_back(command.info);
    CLI::App* app = subcommand(command.info);
    runs_[app] = command.attach(*app);
  }
}

CLI::App* Program::subcommand(const CommandInfo& info) {
  CLI::App* app = &app_;
  const std::vector<std::string> words = split(info.name, ' ');
  for (size_t i = 0; i < words.size(); ++i) {
    const bool last = i + 1 == words.size();
    const std::vector<CLI::App*> known = app->get_subcommands(
        [&](CLI::App* candidate) { return candidate->get_name() == words[i]; });
    if (!known.empty()) {
      app = known.front();
      continue;
    }
    app = app->add_subcommand(words[i], last ? info.summary : "");
    configure(*app);
    if (!last) app->require_subcommand(1);
  }
  return app;
}

int Program::run(int argc, const char* const* argv) {
  words_.assign(argv + 1, argv + argc);
  app_.parse(argc, argv);
  return runs_.at(&deepest_parsed())();
}

const CLI::App& Program::deepest_parsed() const {
  const CLI::App* app = &app_;
  for (;;) {
    const std::vector<const CLI::App*> parsed = app->get_subcommands(
        [](const CLI::App* candidate) { return candidate->parsed(); });
    if (parsed.empty()) return *app;
    app = parsed.front();
  }
}

std::string Program::overview() const {
  std::string text =
      "Ropewalk trains GPT-type models and lengthens the context of pre-trained ones.\n"
      "\nUsage: ropewalk COMMAND [OPTIONS]\n";
  std::vector<std::string> groups;
  for (const CommandInfo& info : infos_) {
    if (std::find(groups.begin(), groups.end(), info.group) == groups.end()) {
      groups.emplace_back(info.group);
    }
  }
  for (const std::string& group : groups) {
    text += "\n" + group + ":\n";
    for (const CommandInfo& info : infos_) {
      if (group != info.group) continue;
      std::string name = info.name;
      name.resize(std::max(name.size() + 2, kSummaryColumn), ' ');
      text += "  " + name + info.summary + "\n";
    }
  }
  text +=
      "\nOptions:\n  -h, --help            Print this help; `ropewalk COMMAND --help` says more\n"
      "  --version             Print the version\n"
      "\nExit codes: 0 done; 1 failure while running; 2 bad usage, config or input;\n"
      "            75 stopped on a signal after saving (start again with --resume)\n";
  return text;
}

std::string Program::usage_hint() const {
  const CLI::App& app = deepest_parsed();
  if (&app != &app_ && runs_.count(&app) != 0) {
    std::string name = app.get_name();
    for (const CLI::App* up = app.get_parent(); up != nullptr; up = up->get_parent()) {
      name = up->get_name() + " " + name;
    }
    return "Run `" + name + " --help` for its options.";
  }
  // The first word that is no command: offer the nearest one.
  std::vector<std::string> names;
  for (const CommandInfo& info : infos_) names.emplace_back(info.name);
  for (size_t count = std::min<size_t>(words_.size(), 2); count > 0; --count) {
    const std::string typed = join({words_.begin(), words_.begin() + count}, " ");
    if (const std::optional<std::string> near = nearest_name(typed, names)) {
      return "Did you mean `ropewalk " + *near + "`?";
    }
  }
  return "Run `ropewalk --help` for the commands.";
}

int Program::report_usage(const CLI::ParseError& error) const {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    if (dynamic_cast<const CLI::CallForVersion*>(&error) != nullptr) {
      std::printf("%s\n", error.what());
      return kExitDone;
    }
    const CLI::App& app = deepest_parsed();
    const std::string text = &app == &app_ ? overview() : app.help();
    std::fputs(text.c_str(), stdout);
    return kExitDone;
  }
  std::fprintf(stderr, "ropewalk: %s\n%s\n", error.what(), usage_hint().c_str());
  return kExitBadInput;
}

int Program::report_exception() const {
  try {
    throw;
  } catch (const CLI::ParseError& error) {
    return report_usage(error);
  } catch (const Error& error) {
    std::fprintf(stderr, "ropewalk: error: %s\n", error.what());
    return error.exit_code();
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "ropewalk: error: out of memory\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ropewalk: error: unexpected: %s\n", error.what());
  } catch (...) {
    std::fprintf(stderr, "ropewalk: error: unexpected exception of an unknown type\n");
  }
  return kExitFailure;
}

}  // namespace ropewalk::cli

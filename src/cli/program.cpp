#include "cli/program.h"

#include <cstdio>
#include <new>
#include <optional>

#include "cli/help.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk::cli {
namespace {

void configure(CLI::App& app) {
  app.formatter(make_help_formatter());
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
    const std::vector<const CLI::App*> parsed =
        app->get_subcommands([](const CLI::App* candidate) { return candidate->parsed(); });
    if (parsed.empty()) return *app;
    app = parsed.front();
  }
}

std::string Program::usage_fault(const CLI::ParseError& error) const {
  if (runs_.count(&deepest_parsed()) != 0) return error.what();
  if (words_.empty()) return "no command given";
  return "unknown command `" + join(words_, " ") + "`";
}

std::string Program::usage_hint() const {
  const CLI::App& app = deepest_parsed();
  if (runs_.count(&app) != 0) {
    if (const std::optional<std::string> near = nearest_option(words_, app)) {
      return "Did you mean `" + *near + "`?";
    }
    return "Run `" + full_name(app) + " --help` for its options.";
  }
  if (const std::optional<std::string> near = nearest_command(words_, infos_)) {
    return "Did you mean `ropewalk " + *near + "`?";
  }
  return "Run `ropewalk --help` for the commands.";
}

bool Program::asks_for_help(const CLI::ParseError& error) {
  return error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
}

std::string Program::usage_message(const CLI::ParseError& error) const {
  return usage_fault(error) + ". " + usage_hint();
}

int Program::report_usage(const CLI::ParseError& error) const {
  if (asks_for_help(error)) {
    if (dynamic_cast<const CLI::CallForVersion*>(&error) != nullptr) {
      std::printf("%s\n", error.what());
      return kExitDone;
    }
    const CLI::App& app = deepest_parsed();
    const CLI::App* parent = app.get_parent();
    const std::string text = parent == nullptr ? overview(infos_) : app.help(full_name(*parent));
    std::fputs(text.c_str(), stdout);
    return kExitDone;
  }
  std::fprintf(stderr, "ropewalk: %s\n%s\n", usage_fault(error).c_str(), usage_hint().c_str());
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

#include "cli/help.h"

#include <algorithm>
#include <sstream>

#include "ropewalk/base/text.h"

namespace ropewalk::cli {
namespace {

constexpr size_t kSummaryColumn = 20;
constexpr size_t kOptionColumn = 34;
constexpr size_t kLineWidth = 100;

// Words of `text` in lines of at most `width` characters.
std::vector<std::string> wrap(const std::string& text, size_t width) {
  std::vector<std::string> lines;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (lines.empty() || lines.back().size() + 1 + word.size() > width) {
      lines.push_back(word);
    } else {
      lines.back() += " " + word;
    }
  }
  return lines;
}

std::string two_columns(std::string left, const std::string& right, size_t column) {
  left = "  " + left;
  const std::string indent(column, ' ');
  std::string text;
  if (left.size() + 2 > column) {
    text = left + "\n" + indent;
  } else {
    left.resize(column, ' ');
    text = left;
  }
  return text + join(wrap(right, kLineWidth - column), "\n" + indent) + "\n";
}

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    return two_columns(make_option_name(option, is_positional) + make_option_opts(option),
                       option->get_description(),
                       kOptionColumn);
  }

  // Positionals are named by their type ("RUN.json"); options add it after their names.
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    if (is_positional) return option->get_type_name();
    std::vector<std::string> names;
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    return join(names, ", ");
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_positional()) return "";
    std::string text;
    if (option->get_type_size() != 0) {
      // The type may carry the checks after a colon: "INT:POSITIVE".
      text += " " + split(option->get_type_name(), ':').front();
      if (!option->get_default_str().empty()) text += " [" + option->get_default_str() + "]";
      if (option->get_required()) text += " (required)";
    }
    return text;
  }

  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string text = "\nUsage: " + name;
    if (!app->get_subcommands({}).empty() && app->get_require_subcommand_min() > 0) {
      text += " COMMAND";
    }
    std::string after_options;  // a command inside the command: "-- train RUN.json"
    for (const CLI::Option* option : app->get_options()) {
      if (!option->get_positional()) continue;
      const std::string type = option->get_type_name();
      if (type.rfind("-- ", 0) == 0) {
        after_options = " " + type;
        continue;
      }
      const std::string many = option->get_items_expected_max() > 1 ? "..." : "";
      text += option->get_required() ? " " + type + many : " [" + type + many + "]";
    }
    return text + " [OPTIONS]" + after_options + "\n";
  }
};

}  // namespace

std::string overview(const std::vector<CommandInfo>& infos) {
  std::string text =
      "Ropewalk trains GPT-type models and lengthens the context of pre-trained ones.\n"
      "\nUsage: ropewalk COMMAND [OPTIONS]\n";
  std::vector<std::string> groups;
  for (const CommandInfo& info : infos) {
    if (std::find(groups.begin(), groups.end(), info.group) == groups.end()) {
      groups.emplace_back(info.group);
    }
  }
  for (const std::string& group : groups) {
    text += "\n" + group + ":\n";
    for (const CommandInfo& info : infos) {
      if (group == info.group) text += two_columns(info.name, info.summary, kSummaryColumn);
    }
  }
  text += "\nOptions:\n";
  text += two_columns(
      "-h, --help", "Print this help; `ropewalk COMMAND --help` says more", kSummaryColumn);
  text += two_columns("--version", "Print the version", kSummaryColumn);
  text += "\nExit codes:\n";
  text += two_columns("0", "done", 6);
  text += two_columns("1", "failure while running, or `verify` found damage", 6);
  text += two_columns("2", "bad usage, config or input file", 6);
  text += two_columns("75", "stopped on a signal after saving; start again with --resume", 6);
  return text;
}

std::string full_name(const CLI::App& app) {
  std::string name = app.get_name();
  for (const CLI::App* up = app.get_parent(); up != nullptr; up = up->get_parent()) {
    name = up->get_name() + " " + name;
  }
  return name;
}

std::shared_ptr<CLI::FormatterBase> make_help_formatter() {
  return std::make_shared<HelpFormatter>();
}

std::optional<std::string> nearest_command(const std::vector<std::string>& words,
                                           const std::vector<CommandInfo>& infos) {
  std::vector<std::string> names;
  for (const CommandInfo& info : infos) names.emplace_back(info.name);
  for (size_t count = std::min<size_t>(words.size(), 2); count > 0; --count) {
    const std::string typed =
        join({words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count)}, " ");
    if (const std::optional<std::string> near = nearest_name(typed, names)) return near;
  }
  return std::nullopt;
}

std::optional<std::string> nearest_option(const std::vector<std::string>& words,
                                          const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const std::string& word : words) {
    if (word.rfind("--", 0) != 0) continue;
    const std::string typed = split(word, '=').front();
    if (std::find(names.begin(), names.end(), typed) == names.end()) {
      return nearest_name(typed, names);
    }
  }
  return std::nullopt;
}

}  // namespace ropewalk::cli

#include "cli/options/common_options.h"

namespace ropewalk::cli {

void add_set_option(CLI::App& app, std::vector<std::string>& assignments) {
  app.add_option(
         "--set",
         assignments,
         "Set one value of the run config, as section.key=value; may be repeated. The value "
         "is JSON if it parses, else a string")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false)
      ->check([](const std::string& text) {
        return text.find('=') == std::string::npos || text.front() == '='
                   ? "expected section.key=value, found \"" + text + "\""
                   : std::string();
      });
}

void add_threads_option(CLI::App& app, int64_t& threads) {
  app.add_option("--threads", threads, "Threads to compute with; 0 = one per core")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

}  // namespace ropewalk::cli

// Option forms that several commands share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace ropewalk::cli {

// --set section.key=value, repeatable.
void add_set_option(CLI::App& app, std::vector<std::string>& assignments);
// --threads N; 0 = one per core.
void add_threads_option(CLI::App& app, int64_t& threads);

}  // namespace ropewalk::cli

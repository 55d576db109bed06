#include "cli/process_environment.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "ropewalk/base/errors.h"

namespace ropewalk::cli {

int num_usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return 1;
  return std::max(1, CPU_COUNT(&cores));
}

std::filesystem::path engine_path() {
  const std::filesystem::path folder =
      std::filesystem::read_symlink("/proc/self/exe").parent_path();
  for (const char* relative : {"libexec/ropewalk-engine", "../libexec/ropewalk-engine"}) {
    const std::filesystem::path path = folder / relative;
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  throw Error("no engine: found neither libexec/ropewalk-engine in " + folder.string() +
                  " nor beside it. This command needs LibTorch: run scripts/setup.sh, then "
                  "`cmake --preset release && cmake --build build`",
              kExitFailure);
}

void set_thread_environment(int local_world_size) {
  const int threads = std::max(1, num_usable_cores() / std::max(1, local_world_size));
  setenv("OMP_NUM_THREADS", std::to_string(threads).c_str(), /*replace=*/0);
}

void exec_engine(std::vector<std::string> command_line, int local_world_size) {
  const std::filesystem::path path = engine_path();
  set_thread_environment(local_world_size);
  std::vector<char*> words;
  for (std::string& word : command_line) words.push_back(word.data());
  words.push_back(nullptr);
  execv(path.c_str(), words.data());
  throw Error(path.string() + ": cannot start: " + std::strerror(errno), kExitFailure);
}

}  // namespace ropewalk::cli

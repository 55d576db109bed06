// The engine: the commands that need LibTorch. Started by the front, never by hand.
#include <csignal>

#include "cli/engine/allocator.h"
#include "cli/engine/block_cache.h"
#include "cli/engine/engine_commands.h"
#include "cli/program.h"

int main(int argc, char** argv) {
  // A file-size limit is then an error of the write, told like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  ropewalk::cli::keep_freed_memory();
  ropewalk::cli::cache_large_tensors();
  ropewalk::cli::Program program(ropewalk::cli::engine_commands());
  try {
    return program.run(argc, argv);
  } catch (...) {
    return program.report_exception();
  }
}

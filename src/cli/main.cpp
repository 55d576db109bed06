// The front: torch-free, so that help, configs and conversions start at once. Engine commands are
// handed to libexec/ropewalk-engine.
#include "cli/front_commands.h"
#include "cli/program.h"

int main(int argc, char** argv) {
  ropewalk::cli::Program program(ropewalk::cli::front_commands({argv, argv + argc}));
  try {
    return program.run(argc, argv);
  } catch (...) {
    return program.report_exception();
  }
}

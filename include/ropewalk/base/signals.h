// SIGTERM and SIGINT as a flag that the train loop reads at step borders. A second signal ends the
// process at once. Threads other than the main one never receive them.
#pragma once

namespace ropewalk {

// Installs the handlers; call once, before threads are made.
void install_stop_handlers();
// The signal number received so far, 0 when none.
int stop_signal();
// Blocks the stop signals in the calling thread (loader threads, writers).
void block_stop_signals_in_this_thread();

}  // namespace ropewalk

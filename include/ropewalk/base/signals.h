// SIGTERM and SIGINT as a flag that the train loop reads at step borders. A second signal ends the
// process at once. Threads made by libraries may receive them too: the flag is the process's.
#pragma once

namespace ropewalk {

// Two signals within this time count as one: a terminal, `timeout` and schedulers signal the whole
// process group, and the agent forwards what it received, so that a rank hears one request twice.
inline constexpr double kDuplicateSignalWindow_s = 1.0;

// Installs the handlers; call once, before threads are made.
void install_stop_handlers(double duplicate_window_s = kDuplicateSignalWindow_s);
// The signal number received so far, 0 when none.
int stop_signal();
// Blocks the stop signals in the calling thread (loader threads, writers).
void block_stop_signals_in_this_thread();

}  // namespace ropewalk

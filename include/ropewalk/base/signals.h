// SIGTERM, SIGINT and SIGUSR1 as a flag that the train loop reads at step borders. A second signal
// ends the process at once. Threads made by libraries may receive them too: the flag is the
// process's.
#pragma once

#include <csignal>

namespace ropewalk {

// The wish to save and end. SIGUSR1 is what schedulers send some time before they end a job.
inline constexpr int kStopSignals[] = {SIGTERM, SIGINT, SIGUSR1};

// Two signals within this time count as one: a terminal, `timeout` and schedulers signal the whole
// process group, and the agent forwards what it received, so that a rank hears one request twice.
inline constexpr double kDuplicateSignalWindow_s = 1.0;

// Installs the handlers, and lets in what came while the process was started with the signals
// blocked; call once, before threads are made.
void install_stop_handlers(double duplicate_window_s = kDuplicateSignalWindow_s);
// The signal number received so far, 0 when none.
int stop_signal();
// Blocks the stop signals in the calling thread (loader threads, writers).
void block_stop_signals_in_this_thread();

}  // namespace ropewalk

// A rank for the tests of the agent: does what its words say, one after another, and tells of it as
// an engine's rank does.
//
//   late (first word: lets stop signals in only when one has come)
//   step N | saved N | phase data, computing, saving | wait (for other ranks) | say TEXT
//   stop (as SIGSTOP does) | stand (until a stop signal) | exit N
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <string>

#include "ropewalk/base/progress.h"
#include "ropewalk/base/signals.h"

namespace {

ropewalk::Phase phase_of(const std::string& name) {
  if (name == "data") return ropewalk::Phase::kWaitingForData;
  if (name == "computing") return ropewalk::Phase::kComputing;
  return ropewalk::Phase::kSaving;
}

void wait_for_pending_stop() {
  std::printf("late\n");
  std::fflush(stdout);
  sigset_t pending{};
  while (::sigismember(&pending, SIGUSR1) == 0) ::sigpending(&pending);
}

}  // namespace

int main(int argc, char** argv) {
  std::list<std::string> words(argv + 1, argv + argc);
  if (words.front() == "late") wait_for_pending_stop();
  ropewalk::install_stop_handlers();
  const ropewalk::Heartbeat heartbeat;
  std::list<ropewalk::WaitingForRanks> waits;
  const auto next = [&] {
    const std::string word = words.front();
    words.pop_front();
    return word;
  };
  while (!words.empty()) {
    const std::string word = next();
    if (word == "step") ropewalk::report_step(std::stoll(next()));
    if (word == "saved") ropewalk::report_saved(std::stoll(next()));
    if (word == "phase") ropewalk::report_phase(phase_of(next()));
    if (word == "wait") waits.emplace_back();
    if (word == "say") std::printf("%s\n", next().c_str()), std::fflush(stdout);
    if (word == "stop") ::raise(SIGSTOP);
    if (word == "stand") {
      while (ropewalk::stop_signal() == 0) ::usleep(1000);
    }
    if (word == "exit") std::_Exit(std::stoi(next()));
  }
  return 0;
}

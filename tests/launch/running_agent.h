// An agent whose ranks are small shell programs, in a child process of the test, as it owns its
// process's signals. Pipes say when something has happened, so nothing waits by time.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "ropewalk/base/errors.h"
#include "ropewalk/launch/local_agent.h"

namespace ropewalk {

// Ranks run the script, unless the options have a command. Everything that the agent and its ranks
// print on standard output and error, and the agent's end.
class RunningAgent {
 public:
  explicit RunningAgent(const std::string& script, AgentOptions options = {}) {
    if (options.command.empty()) options.command = {"/bin/sh", "-c", script};
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::dup2(ends[1], STDERR_FILENO);
      ::close(ends[1]);
      int code = kExitFailure;
      try {
        code = run_local_agent(options);
      } catch (const Error& error) {
        ::dprintf(STDERR_FILENO, "%s\n", error.what());
        code = error.exit_code();
      }
      ::_exit(code);
    }
    ::close(ends[1]);
    output_ = ends[0];
  }
  ~RunningAgent() {
    if (output_ >= 0) ::close(output_);
  }

  pid_t pid() const { return pid_; }

  std::string line() {
    std::string text;
    for (char c = 0; ::read(output_, &c, 1) == 1 && c != '\n';) text += c;
    return text;
  }

  // Reads up to a line that contains this; false when everything ended without one.
  bool reach_line(const std::string& part) {
    std::string text;
    for (char c = 0; ::read(output_, &c, 1) == 1;) {
      if (c != '\n') {
        text += c;
      } else if (text.find(part) != std::string::npos) {
        return true;
      } else {
        text.clear();
      }
    }
    return false;
  }

  // Returns only when every process that holds the pipe has ended: the ranks too.
  std::string rest() {
    std::string text;
    for (char c = 0; ::read(output_, &c, 1) == 1;) text += c;
    return text;
  }

  int exit_code() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

}  // namespace ropewalk

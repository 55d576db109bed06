#include "launch/rank_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/signals.h"

extern char** environ;

namespace ropewalk {
namespace {

[[noreturn]] void fail(const std::string& what, int error) {
  throw IoError("starting local ranks: " + what + ": " + std::strerror(error));
}

int global_rank(const AgentOptions& options, int local_rank) {
  return options.nodes.node_rank * options.num_ranks + local_rank;
}

const std::vector<std::string>& command_of(const AgentOptions& options, JobProgress progress) {
  const RestartOptions& restart = options.restart;
  if (progress == JobProgress::kSaved && !restart.command_after_save.empty()) {
    return restart.command_after_save;
  }
  if (progress == JobProgress::kSteps && !restart.command_after_step.empty()) {
    return restart.command_after_step;
  }
  return options.command;
}

// The agent's environment with the rank's own variables in place of any older ones.
std::vector<std::string> rank_variables(const RankStart& start,
                                        const RankPage& page,
                                        int local_rank) {
  const auto& [options, attempt, store, mask, job_begun] = start;
  std::map<std::string, std::string> variables;
  const auto put = [&](const std::string& assignment) {
    variables[assignment.substr(0, assignment.find('='))] = assignment;
  };
  for (char** entry = environ; *entry != nullptr; ++entry) put(*entry);
  for (const std::string& assignment : options.environment) put(assignment);
  const auto put_number = [&](const std::string& name, int value) {
    put(name + "=" + std::to_string(value));
  };
  const int rank = global_rank(options, local_rank);
  put_number("ROPEWALK_RANK", rank);
  put_number("ROPEWALK_WORLD_SIZE", options.nodes.num_nodes * options.num_ranks);
  put_number("ROPEWALK_LOCAL_RANK", local_rank);
  put_number("ROPEWALK_LOCAL_WORLD_SIZE", options.num_ranks);
  put_number("ROPEWALK_RESTART", attempt.number);
  put("ROPEWALK_JOB_NONCE=" + attempt.nonce);
  put_number("ROPEWALK_JOB_BEGUN",
             static_cast<int>(
                 std::chrono::floor<std::chrono::seconds>(job_begun).time_since_epoch().count()));
  put_number(kHeartbeatVariable, page.descriptor());
  put("ROPEWALK_STORE_ADDRESS=" + store.address);
  put_number("ROPEWALK_STORE_PORT", store.port);
  variables.erase("ROPEWALK_STORE_FD");
  if (rank == 0) put_number("ROPEWALK_STORE_FD", store.listening.get());
  variables.erase("ROPEWALK_BIND_ADDRESS");
  if (options.nodes.num_nodes > 1 && !options.nodes.bind_address.empty()) {
    put("ROPEWALK_BIND_ADDRESS=" + options.nodes.bind_address);
  }
  std::vector<std::string> list;
  for (auto& [name, assignment] : variables) list.push_back(assignment);
  return list;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

struct ChildPlan {
  char* const* arguments;
  char* const* environment;
  const sigset_t* signal_mask;
  pid_t agent;
  std::array<int, 2> inherited;  // descriptors that stay open over the exec, -1: none
  int report;                    // errno of a failed exec goes here; closed by a successful one
};

// Between fork and exec only async-signal-safe calls are allowed.
[[noreturn]] void become_rank(const ChildPlan& plan) {
  int error = 0;
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) error = errno;
  // The agent may have died before the line above took effect.
  if (::getppid() != plan.agent) ::_exit(kExitFailure);
  for (const int descriptor : plan.inherited) {
    if (error == 0 && descriptor >= 0 && ::fcntl(descriptor, F_SETFD, 0) != 0) error = errno;
  }
  if (error == 0) {
    ::sigprocmask(SIG_SETMASK, plan.signal_mask, nullptr);
    ::execve(plan.arguments[0], plan.arguments, plan.environment);
    error = errno;
  }
  [[maybe_unused]] const ssize_t written = ::write(plan.report, &error, sizeof(error));
  ::_exit(kExitFailure);
}

}  // namespace

bool RankProcess::reap(bool wait) {
  int status = 0;
  pid_t result;
  do {
    result = ::waitpid(pid, &status, wait ? 0 : WNOHANG);
  } while (result < 0 && errno == EINTR);
  if (result == 0) return false;
  running = false;
  if (result == pid && WIFEXITED(status)) exit_code = WEXITSTATUS(status);
  if (result == pid && WIFSIGNALED(status)) signal = WTERMSIG(status);
  return true;
}

RankProcess start_rank(const RankStart& start, int local_rank) {
  const AgentOptions& options = start.options;
  const int rank = global_rank(options, local_rank);
  RankProcess process;
  process.page = std::make_unique<RankPage>();
  const std::vector<std::string> variables = rank_variables(start, *process.page, local_rank);
  const std::vector<std::string>& command = command_of(options, start.attempt.progress);
  const std::vector<char*> arguments = pointers(command);
  sigset_t signal_mask = start.signal_mask;
  if (options.starts_with_stop_signals_blocked) {
    for (const int number : kStopSignals) ::sigaddset(&signal_mask, number);
  }
  const std::vector<char*> environment = pointers(variables);
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) fail("making a pipe", errno);
  const ChildPlan plan{arguments.data(),
                       environment.data(),
                       &signal_mask,
                       ::getpid(),
                       {rank == 0 ? start.store.listening.get() : -1, process.page->descriptor()},
                       report[1]};
  process.pid = ::fork();
  if (process.pid == 0) become_rank(plan);
  const int fork_error = errno;
  ::close(report[1]);
  int error = 0;
  ssize_t count = 0;
  if (process.pid > 0) {
    process.running = true;
    do {
      count = ::read(report[0], &error, sizeof(error));
    } while (count < 0 && errno == EINTR);
  }
  ::close(report[0]);
  if (process.pid < 0) fail("fork of rank " + std::to_string(rank), fork_error);
  if (count == static_cast<ssize_t>(sizeof(error))) {
    process.reap(/*wait=*/true);
    fail(command[0], error);
  }
  return process;
}

}  // namespace ropewalk

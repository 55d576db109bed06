#include "launch/rank_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "ropewalk/base/errors.h"

extern char** environ;

namespace ropewalk {
namespace {

[[noreturn]] void fail(const std::string& what, int error) {
  throw IoError("starting local ranks: " + what + ": " + std::strerror(error));
}

// The agent's environment with the rank's own variables in place of any older ones.
std::vector<std::string> rank_variables(const AgentOptions& options,
                                        const StoreSocket& store,
                                        int rank) {
  std::map<std::string, std::string> variables;
  const auto put = [&](const std::string& assignment) {
    variables[assignment.substr(0, assignment.find('='))] = assignment;
  };
  for (char** entry = environ; *entry != nullptr; ++entry) put(*entry);
  for (const std::string& assignment : options.environment) put(assignment);
  put("ROPEWALK_RANK=" + std::to_string(rank));
  put("ROPEWALK_WORLD_SIZE=" + std::to_string(options.num_ranks));
  put("ROPEWALK_STORE_PORT=" + std::to_string(store.port()));
  variables.erase("ROPEWALK_STORE_FD");
  if (rank == 0) put("ROPEWALK_STORE_FD=" + std::to_string(store.descriptor()));
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
  int inherited;  // descriptor that stays open over the exec, -1: none
  int report;     // errno of a failed exec goes here; closed by a successful one
};

// Between fork and exec only async-signal-safe calls are allowed.
[[noreturn]] void become_rank(const ChildPlan& plan) {
  int error = 0;
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) error = errno;
  // The agent may have died before the line above took effect.
  if (::getppid() != plan.agent) ::_exit(kExitFailure);
  if (error == 0 && plan.inherited >= 0 && ::fcntl(plan.inherited, F_SETFD, 0) != 0) error = errno;
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

StoreSocket::StoreSocket() {
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) fail("making the store's socket", errno);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  // Listening already: the other ranks may connect before rank 0 has loaded.
  if (::bind(descriptor_, generic, length) != 0 || ::listen(descriptor_, SOMAXCONN) != 0 ||
      ::getsockname(descriptor_, generic, &length) != 0) {
    const int error = errno;
    ::close(descriptor_);
    fail("binding the store's socket to 127.0.0.1", error);
  }
  port_ = ntohs(address.sin_port);
}

StoreSocket::~StoreSocket() { ::close(descriptor_); }

RankProcess start_rank(const AgentOptions& options,
                       const StoreSocket& store,
                       int rank,
                       const sigset_t& signal_mask) {
  const std::vector<std::string> variables = rank_variables(options, store, rank);
  const std::vector<char*> arguments = pointers(options.command);
  const std::vector<char*> environment = pointers(variables);
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) fail("making a pipe", errno);
  const ChildPlan plan{arguments.data(),
                       environment.data(),
                       &signal_mask,
                       ::getpid(),
                       rank == 0 ? store.descriptor() : -1,
                       report[1]};
  RankProcess process;
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
    fail(options.command[0], error);
  }
  return process;
}

}  // namespace ropewalk

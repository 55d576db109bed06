// Tests with several ranks: a RANK_BODY is a function that the test binary runs in every rank when
// the agent starts the binary again. Expectations inside count like those of a test.
//
//   RANK_BODY(sums) { EXPECT_EQ(group.sum(1), group.size()); }
//   TEST(Group, Sums) { EXPECT_EQ(run_ranks("sums", 2), kExitDone); }
//
// The binary's main is ROPEWALK_RANK_TEST_MAIN, in one of its files.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/dist/device.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/launch/local_agent.h"

namespace ropewalk::dist {

// For what shares a group that outlives it.
inline std::shared_ptr<Group> borrow(Group& group) {
  return {&group, [](Group*) {}};
}

using RankBody = std::function<void(Group& group)>;

inline std::map<std::string, RankBody>& rank_bodies() {
  static std::map<std::string, RankBody> bodies;
  return bodies;
}

inline std::string test_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct RankRun {
  std::string body;
  int num_ranks = 2;
  double timeout_s = 60;
  std::vector<std::string> environment;
  std::string output;  // of all ranks, filled by run_ranks
};

// In a child process: the agent owns its process's signals. Returns the agent's exit code.
inline int run_ranks(RankRun& run) {
  AgentOptions options;
  options.command = {std::filesystem::read_symlink("/proc/self/exe")};
  options.num_ranks = run.num_ranks;
  options.environment = run.environment;
  options.environment.push_back("ROPEWALK_TEST_BODY=" + run.body);
  options.environment.push_back("ROPEWALK_TEST_TIMEOUT=" + std::to_string(run.timeout_s));
  options.environment.push_back("OMP_NUM_THREADS=1");
  options.environment.push_back("TORCH_CPP_LOG_LEVEL=FATAL");
  int ends[2];
  if (::pipe(ends) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::_exit(run_local_agent(options));
  }
  ::close(ends[1]);
  char buffer[4096];
  for (ssize_t count; (count = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
    run.output.append(buffer, static_cast<size_t>(count));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// The whole test of most bodies: prints what the ranks said when they failed.
inline void expect_ranks_pass(const std::string& body,
                              int num_ranks,
                              std::vector<std::string> environment = {}) {
  RankRun run{body, num_ranks, 60, std::move(environment), ""};
  EXPECT_EQ(run_ranks(run), kExitDone) << run.output;
}

inline int run_rank_body(const std::string& name) {
  try {
    GroupOptions options;
    options.timeout_s = std::stod(test_variable("ROPEWALK_TEST_TIMEOUT"));
    const RankEnvironment environment = rank_environment_from_env();
    if (test_variable("ROPEWALK_TEST_BACKEND") == "nccl") options.backend = GroupBackend::kNccl;
    if (options.backend == GroupBackend::kNccl) {
      options.device = choose_device(environment, options.backend);
    }
    const auto group = make_group(environment, options);
    rank_bodies().at(name)(*group);
    // A rank that ends early would break connections that others still read from.
    if (!testing::Test::HasFailure()) group->barrier();
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
  return testing::Test::HasFailure() ? kExitFailure : kExitDone;
}

inline int rank_test_main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const std::string body = test_variable("ROPEWALK_TEST_BODY");
  return body.empty() ? RUN_ALL_TESTS() : run_rank_body(body);
}

struct RegisterRankBody {
  RegisterRankBody(const char* name, RankBody body) { rank_bodies()[name] = std::move(body); }
};

}  // namespace ropewalk::dist

#define RANK_BODY(name)                                                                     \
  static void rank_body_##name(::ropewalk::dist::Group& group);                             \
  static const ::ropewalk::dist::RegisterRankBody register_##name(#name, rank_body_##name); \
  static void rank_body_##name([[maybe_unused]] ::ropewalk::dist::Group& group)

#define ROPEWALK_RANK_TEST_MAIN \
  int main(int argc, char** argv) { return ::ropewalk::dist::rank_test_main(argc, argv); }

#include "ropewalk/base/progress.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

TEST(Progress, ReportsNeedNoAgent) {
  ::unsetenv(kHeartbeatVariable);
  const Heartbeat heartbeat;
  report_phase(Phase::kComputing);
  report_step(1);
  report_saved(1);
  const WaitingForRanks waiting;
}

TEST(Progress, AVariableThatNamesNoPageIsRefused) {
  for (const char* text : {"", "x", "-1", "0x3", "99999", "0"}) {
    ::setenv(kHeartbeatVariable, text, 1);
    EXPECT_THROW(Heartbeat(), IoError) << text;
  }
  ::unsetenv(kHeartbeatVariable);
}

TEST(Progress, ReportsReachThePageOfTheAgentUntilTheEnd) {
  const int memory = ::memfd_create("page", 0);
  ASSERT_EQ(::ftruncate(memory, sizeof(ProgressPage)), 0);
  auto* page = static_cast<ProgressPage*>(
      ::mmap(nullptr, sizeof(ProgressPage), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0));
  ::setenv(kHeartbeatVariable, std::to_string(memory).c_str(), 1);
  {
    const Heartbeat heartbeat;
    report_phase(Phase::kComputing);
    report_step(7);
    report_saved(5);
    EXPECT_EQ(page->step, 7);
    const uint64_t before = page->num_step_lengths;
    report_step(8);
    report_step(9);
    EXPECT_EQ(page->num_step_lengths, before + 2);
    EXPECT_GT(page->step_lengths_ns[before % kKeptStepLengths], 0);
    EXPECT_EQ(page->saved_step, 5);
    EXPECT_EQ(page->changes, 5u);
    {
      const PhaseScope saving(Phase::kSaving);
      const WaitingForRanks outer, inner;
      EXPECT_EQ(page->phase, Phase::kSaving);
      EXPECT_EQ(page->num_waits, 2);
    }
    EXPECT_EQ(page->phase, Phase::kComputing);
    EXPECT_EQ(page->num_waits, 0);
    std::thread([&] {
      leave_out_waits_of_this_thread();
      const WaitingForRanks beside;
      EXPECT_EQ(page->num_waits, 0);
    }).join();
    EXPECT_EQ(page->num_waits, 0);
    // The thread goes on by itself: this returns when it has.
    for (const uint64_t before = page->beats; page->beats < before + 2;) ::usleep(1000);
  }
  EXPECT_EQ(page->phase, Phase::kEnding);
  ::unsetenv(kHeartbeatVariable);
  ::close(memory);
}

TEST(Progress, OnlyStepsHaveALengthThatCanBeForetold) {
  EXPECT_TRUE(is_within_step(Phase::kWaitingForData));
  EXPECT_TRUE(is_within_step(Phase::kComputing));
  EXPECT_TRUE(is_within_step(Phase::kUpdating));
  for (const Phase phase :
       {Phase::kStarting, Phase::kLoading, Phase::kSaving, Phase::kEvaluating}) {
    EXPECT_FALSE(is_within_step(phase)) << describe(phase);
  }
}

}  // namespace
}  // namespace ropewalk

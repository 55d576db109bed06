#include "launch/rank_page.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

namespace ropewalk {
namespace {

// As the rank sees it.
ProgressPage& mapped(const RankPage& page) {
  return *static_cast<ProgressPage*>(::mmap(
      nullptr, sizeof(ProgressPage), PROT_READ | PROT_WRITE, MAP_SHARED, page.descriptor(), 0));
}

TEST(RankPage, SaysWhatTheRankWrites) {
  const RankPage page;
  EXPECT_FALSE(page.read().begun);
  ProgressPage& own = mapped(page);
  own.beats = 1;
  own.step = 7;
  own.num_waits = 1;
  own.phase = Phase::kSaving;
  const RankState state = page.read();
  EXPECT_TRUE(state.begun);
  EXPECT_EQ(state.step, 7);
  EXPECT_TRUE(state.waits);
  EXPECT_EQ(state.phase, Phase::kSaving);
}

TEST(RankPage, TellsTheMedianLengthOfStepsOnceThereAreSome) {
  const RankPage page;
  ProgressPage& own = mapped(page);
  const auto add = [&](double seconds) {
    own.step_lengths_ns[own.num_step_lengths % kKeptStepLengths] =
        static_cast<int64_t>(1e9 * seconds);
    ++own.num_step_lengths;
  };
  add(2);
  add(100);
  EXPECT_EQ(page.read().step_s, 0);
  add(3);
  EXPECT_EQ(page.read().step_s, 3);
  for (size_t i = 0; i < kKeptStepLengths; ++i) add(8);
  EXPECT_EQ(page.read().step_s, 8);
}

TEST(RankPage, CannotBeMadeSmaller) {
  const RankPage page;
  EXPECT_NE(::ftruncate(page.descriptor(), 0), 0);
}

}  // namespace
}  // namespace ropewalk

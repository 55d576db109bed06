#include "ropewalk/eval/windows.h"

#include <gtest/gtest.h>

#include <map>

namespace ropewalk {
namespace {

TEST(SlidingWindows, ShortDocumentIsOneWindowWithoutItsFirstToken) {
  const auto windows = sliding_windows(5, 8, 2);
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].begin, 0);
  EXPECT_EQ(windows[0].end, 5);
  EXPECT_EQ(windows[0].score_begin, 1);
}

TEST(SlidingWindows, OverlappingWindowsScoreEveryTokenButTheFirstExactlyOnce) {
  for (int64_t length : {1, 2, 7, 8, 9, 23, 64}) {
    std::map<int64_t, int> times_scored;
    for (const ScoredWindow& w : sliding_windows(length, 8, 3)) {
      EXPECT_GT(w.score_begin, w.begin) << "a window's first token has no context";
      EXPECT_LE(w.end - w.begin, 8);
      for (int64_t t = w.score_begin; t < w.end; ++t) ++times_scored[t];
    }
    EXPECT_EQ(times_scored.size(), static_cast<size_t>(length - 1)) << "length " << length;
    for (const auto& [token, times] : times_scored) EXPECT_EQ(times, 1) << token;
  }
}

TEST(SlidingWindows, StrideEqualToWindowLeavesOutEachWindowsFirstToken) {
  int64_t scored = 0;
  for (const ScoredWindow& w : sliding_windows(32, 8, 8)) scored += w.end - w.score_begin;
  EXPECT_EQ(scored, 4 * 7);
}

TEST(SlidingWindows, StopsWithTheFirstWindowThatReachesTheEnd) {
  EXPECT_EQ(sliding_windows(16, 16, 4).size(), 1u);
  EXPECT_EQ(sliding_windows(17, 16, 4).size(), 2u);
  EXPECT_TRUE(sliding_windows(0, 16, 4).empty());
}

TEST(WindowsAfterBos, ScoreEveryTokenOnce) {
  for (int64_t length : {1, 2, 8, 23}) {
    int64_t scored = 0;
    for (const ScoredWindow& w : sliding_windows_after_bos(length, 8, 3)) scored += w.num_scored();
    EXPECT_EQ(scored, length);
  }
}

// Of LongLoRA's eval.py: range(0, num_tokens - window, stride) without its last.
TEST(StreamWindows, AreWholeAndLeaveTheLastBeginOut) {
  const auto windows = stream_windows(30, 8, 4);
  ASSERT_EQ(windows.size(), 5u);  // 0, 4, 8, 12, 16; 20 is the last
  EXPECT_EQ(windows.back().begin, 16);
  for (const ScoredWindow& w : windows) EXPECT_EQ(w.num_scored(), 7);
  EXPECT_EQ(stream_windows(13, 8, 4).size(), 1u);
  EXPECT_TRUE(stream_windows(12, 8, 4).empty());
  EXPECT_TRUE(stream_windows(3, 8, 4).empty());
}

}  // namespace
}  // namespace ropewalk

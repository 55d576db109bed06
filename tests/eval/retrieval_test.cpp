#include "ropewalk/eval/retrieval.h"

#include <gtest/gtest.h>

namespace ropewalk {
namespace {

TEST(Retrieval, AnAnswerIsTheFirstWordOfTheReply) {
  EXPECT_TRUE(is_answered(" 48151.", "48151"));
  EXPECT_TRUE(is_answered("48151", "48151"));
  EXPECT_TRUE(is_answered("\n48151 is", "48151"));
  EXPECT_FALSE(is_answered(" 481512", "48151"));
  EXPECT_FALSE(is_answered(" 4815", "48151"));
  EXPECT_FALSE(is_answered(" the 48151", "48151"));
  EXPECT_FALSE(is_answered("", "48151"));
}

RetrievalScore score(int64_t distance, int64_t successes) {
  return {.task = "passkey", .length = distance, .trials = 10, .successes = successes};
}

// Chen et al. (arXiv 2306.15595, section 3.3): every distance up to k_max has at least 20 %.
TEST(Retrieval, KMaxEndsBeforeTheFirstDistanceThatFails) {
  EXPECT_EQ(passkey_k_max({score(256, 10), score(512, 2), score(768, 1), score(1024, 10)}), 512);
  EXPECT_EQ(passkey_k_max({score(768, 10), score(256, 10), score(512, 3)}), 768) << "in any order";
  EXPECT_EQ(passkey_k_max({score(256, 1), score(512, 10)}), 0);
}

}  // namespace
}  // namespace ropewalk

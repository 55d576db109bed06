#include "train/callbacks/start_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace ropewalk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PerplexityResult at(int64_t window, double factor, double perplexity) {
  PerplexityResult result;
  result.window = window;
  result.factor = factor;
  result.kind = factor == 1 ? "default" : "linear";
  result.perplexity = perplexity;
  return result;
}

StartNumbers of_llama(double trained, std::vector<PerplexityResult> started) {
  return {.trained = at(2048, 1, trained),
          .started = std::move(started),
          .other_layout = 100 * trained,
          .trained_length = 2048,
          .vocab_size = 32000};
}

// Chen et al. (arXiv 2306.15595), tables 1 and 3: LLaMA 7B before tuning.
TEST(StartCheck, ThePapersShapeRaisesNoDoubt) {
  EXPECT_THAT(doubts_about_start(of_llama(7.20, {at(2048, 4, 7.9), at(8192, 4, 16.10)})),
              IsEmpty());
  EXPECT_THAT(doubts_about_start(of_llama(7.20, {at(16384, 8, 112.13)})), IsEmpty());
}

TEST(StartCheck, UnscaledPositionsBeyondTheContextAreNamedDirectTuningWithTheFactorThatIsMissing) {
  EXPECT_THAT(doubts_about_start(of_llama(7.20, {at(2048, 1, 7.20), at(8192, 1, 3e3)})),
              ElementsAre(HasSubstr("set model.pos_scaling_factor to 4")));
}

TEST(StartCheck, ScaledPositionsThatExplodeAreDoubted) {
  EXPECT_THAT(doubts_about_start(of_llama(7.20, {at(2048, 16, 5e3), at(8192, 1.5, 2e3)})),
              ElementsAre(HasSubstr("breaks the model within its own context of 2048"),
                          HasSubstr("linear positions with factor 1.5 should stay finite")));
}

TEST(StartCheck, NoNumberIsAnExplosionToo) {
  EXPECT_THAT(doubts_about_start(of_llama(7.20, {at(8192, 4, std::nan(""))})),
              ElementsAre(HasSubstr("should stay finite")));
}

TEST(StartCheck, AModelThatGuessesIsDoubtedOnce) {
  EXPECT_THAT(doubts_about_start(of_llama(2e4, {at(2048, 4, 2e4), at(8192, 4, 3e4)})),
              ElementsAre(HasSubstr("near guessing among 32,000 tokens")));
  EXPECT_THAT(doubts_about_start(of_llama(std::nan(""), {})),
              ElementsAre(HasSubstr("rotary layout")));
}

TEST(StartCheck, WeightsOfTheOtherLayoutAreDoubtedOnce) {
  StartNumbers numbers = of_llama(119, {at(8192, 4, 3e4)});
  numbers.other_layout = 22.4;
  EXPECT_THAT(doubts_about_start(numbers),
              ElementsAre(HasSubstr("but 22.4 with the other rotary layout")));
  // Hardly used positions tell nothing.
  numbers.other_layout = 110;
  EXPECT_THAT(doubts_about_start(numbers), ElementsAre(HasSubstr("should stay finite")));
  // Where both are as good as guessing, something else is wrong.
  numbers = of_llama(std::nan(""), {});
  numbers.other_layout = 2e4;
  EXPECT_THAT(doubts_about_start(numbers), ElementsAre(HasSubstr("near guessing")));
}

TEST(StartCheck, ASmallModelThatIsBadButLearnsIsNotDoubted) {
  EXPECT_THAT(doubts_about_start(of_llama(300, {at(8192, 4, 1500)})), IsEmpty());
}

}  // namespace
}  // namespace ropewalk

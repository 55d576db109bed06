#include "tokenizer/pipeline/pattern.h"

#include <gmock/gmock.h>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"
#include "tokenizer/pipeline/regex.h"

namespace ropewalk::tokenization {
namespace {

bool matches(const std::string& pattern, const std::string& text) {
  MatchScratch scratch;
  Match match;
  return Regex(pcre2_pattern(pattern)).find(text, 0, scratch, match);
}

TEST(Pattern, SpaceAndWordHaveOnigurumasMeaning) {
  EXPECT_TRUE(matches(R"(^\s$)", "\u2028"));
  EXPECT_FALSE(matches(R"(^\s$)", "\u180e"));  // PCRE2's own \s has it
  EXPECT_TRUE(matches(R"(^\w$)", "\u0301"));   // PCRE2's own \w lacks marks
  EXPECT_TRUE(matches(R"(^[\w]$)", "\u203f"));
  EXPECT_TRUE(matches(R"(^[^\s\p{L}]$)", "1"));
}

TEST(Pattern, ScriptsDoNotTakeTheirExtensions) {
  EXPECT_TRUE(matches(R"(^\p{Han}$)", "日"));
  EXPECT_FALSE(matches(R"(^\p{Han}$)", "\u3001"));
  EXPECT_TRUE(matches(R"(^\p{^L}$)", "1"));
}

TEST(Pattern, WhatMeansOtherThingsInPcre2IsRefusedByName) {
  for (const char* pattern : {R"(\h+)",
                              R"(\bword)",
                              R"(\p{N}{1,3}+)",
                              "[a[bc]]",
                              "[a-z&&[^b]]",
                              "(?m:a.b)",
                              "a(?i)b",
                              "[]a]",
                              R"(\v)",
                              R"(\pL)",
                              "\\"}) {
    const std::string fault = error_of<DataError>([&] { pcre2_pattern(pattern); });
    EXPECT_THAT(fault,
                testing::AllOf(testing::HasSubstr(pattern), testing::HasSubstr("not supported")))
        << pattern;
  }
}

TEST(Pattern, OneThatDoesNotCompileIsRefused) {
  EXPECT_THAT(error_of<DataError>([] { Regex("(a"); }), testing::HasSubstr("(a"));
  EXPECT_THAT(error_of<DataError>([] { Regex(pcre2_pattern(R"(\p{Klingon})")); }),
              testing::HasSubstr("Klingon"));
}

TEST(Pattern, CatastrophesGiveUpInsteadOfHanging) {
  const std::string text(40, 'a');
  EXPECT_THAT(error_of<DataError>([&] { matches("^(a+)+(a+)+(a+)+(a+)+$", text + "b"); }),
              testing::HasSubstr("gave up"));
  // Four ways to cut each rest of a run, a rest at every character.
  EXPECT_THAT(error_of<DataError>([&] { matches("a*a*a*a*[bc]|a", std::string(2000, 'a')); }),
              testing::HasSubstr("gave up"));
}

// More tries at one place than the library would allow by itself.
TEST(Pattern, LongRunsAreLookedThrough) {
  EXPECT_TRUE(matches(R"(\s*[\r\n]+|\s+)", std::string(12'000'000, ' ')));
}

}  // namespace
}  // namespace ropewalk::tokenization

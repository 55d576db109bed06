#include "ropewalk/config/overrides.h"

#include <gmock/gmock.h>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Json set(const char* config, const std::vector<std::string>& assignments) {
  return apply_overrides(parse_json(config, "test"), assignments);
}

std::string refusal(const char* config, const std::vector<std::string>& assignments) {
  try {
    set(config, assignments);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Overrides, ValueIsJsonIfItParsesElseAString) {
  EXPECT_EQ(set(R"({"a": {"b": 1}})", {"a.b=2"}).dump(), R"({"a":{"b":2}})");
  EXPECT_EQ(set("{}", {"a.b=[1,\"x\"]", "a.c=runs/x", "a.d=true", "a.e="}).dump(),
            R"({"a":{"b":[1,"x"],"c":"runs/x","d":true,"e":""}})");
  EXPECT_EQ(set("{}", {"a=\"16\""}).dump(), R"({"a":"16"})");
}

TEST(Overrides, ValueMayHoldEqualsSigns) {
  EXPECT_EQ(set("{}", {"a=b=c"}).dump(), R"({"a":"b=c"})");
}

TEST(Overrides, LastAssignmentWins) {
  EXPECT_EQ(set("{}", {"a.b=1", "a.b=2"}).dump(), R"({"a":{"b":2}})");
}

TEST(Overrides, NumberTooLargeForADoubleDoesNotBecomeInfinity) {
  EXPECT_EQ(set("{}", {"a=1e400"}).dump(), R"({"a":"1e400"})");
  EXPECT_EQ(set("{}", {"a=NaN"}).dump(), R"({"a":"NaN"})");
}

TEST(Overrides, SettingInsideAValueThatIsNoSectionIsRefused) {
  EXPECT_THAT(refusal(R"({"a": {"b": 1}})", {"a.b.c=2"}),
              HasSubstr("\"a.b\": it holds the value 1"));
  EXPECT_THAT(refusal(R"({"a": [1]})", {"a.0=2"}), HasSubstr("it holds a list"));
}

// Found by fuzzing: such a value could not be written as JSON.
TEST(Overrides, BytesThatAreNoTextAreRefused) {
  EXPECT_THAT(
      refusal("{}", {"eval.windows=[64,\x92", "a\xff=1", "a.b=\xc3\xa9"}),
      AllOf(HasSubstr("2 faults"), HasSubstr("no UTF-8 text"), HasSubstr("eval.windows=[64,")));
}

TEST(Overrides, EveryBadAssignmentIsNamed) {
  EXPECT_THAT(refusal("{}", {"abc", "=1", "a..b=1"}),
              AllOf(HasSubstr("3 faults"),
                    HasSubstr("--set abc: found no '='"),
                    HasSubstr("--set a..b=1: found an empty key")));
}

}  // namespace
}  // namespace ropewalk

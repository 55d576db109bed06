#include "ropewalk/base/json.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string error_of(const std::string& text, JsonOptions options = {}) {
  try {
    parse_json(text, "run.json", options);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Json, KeepsKeyOrder) {
  const Json value = parse_json(R"({"z": 1, "a": 2, "m": 3})", "run.json");
  EXPECT_EQ(value.dump(), R"({"z":1,"a":2,"m":3})");
}

TEST(Json, ListsAllDuplicateKeysWithTheirPaths) {
  EXPECT_THAT(
      error_of(R"({"a": {"b": 1, "b": 2}, "list": [0, {"c": 1, "c": 1}], "a": 0})"),
      AllOf(HasSubstr("run.json: duplicate keys a.b, list[1].c, a;"), HasSubstr("keep one")));
}

TEST(Json, SameKeyInSiblingObjectsIsNoDuplicate) {
  EXPECT_EQ(error_of(R"([{"a": 1}, {"a": 1}, {"b": {"a": 1}, "a": 2}])"), "");
}

TEST(Json, RefusesNumbersThatOverflowADouble) {
  EXPECT_THAT(error_of("{\"model\": {\n  \"pos_scaling_factor\": 1e400}}"),
              AllOf(HasSubstr("run.json:2:"),
                    HasSubstr("64-bit float"),
                    HasSubstr("1e400"),
                    HasSubstr("model.pos_scaling_factor")));
  EXPECT_THAT(error_of("[-1e400]"), HasSubstr("64-bit float"));
}

TEST(Json, RefusesNanAndInfinityWords) {
  EXPECT_THAT(error_of("{\"x\": NaN}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of("{\"x\": Infinity}"), HasSubstr("not valid JSON"));
}

TEST(Json, SyntaxErrorsNameLineAndColumn) {
  EXPECT_THAT(error_of("{\n  \"a\": 1,\n  \"b\" 2\n}"),
              AllOf(HasSubstr("run.json:3:7: not valid JSON"), Not(HasSubstr("exception"))));
}

TEST(Json, RefusesDepthOverTheLimitWithoutDeepRecursion) {
  EXPECT_EQ(error_of(std::string(64, '[') + std::string(64, ']')), "");
  EXPECT_THAT(error_of(std::string(65, '[') + std::string(65, ']')), HasSubstr("64 levels"));
  EXPECT_THAT(error_of(std::string(1000000, '[')), HasSubstr("64 levels"));
}

TEST(Json, RefusesTrailingText) {
  EXPECT_THAT(error_of("{} {}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of(""), HasSubstr("not valid JSON"));
}

TEST(Json, RefusesTextHiddenBehindANulByte) {
  EXPECT_THAT(error_of(std::string("{}\0{\"a\": 1}", 11)), HasSubstr("run.json:1:3"));
}

TEST(Json, LargeObjectsAreReadInLinearTime) {
  // With a search per key these keys would take a minute.
  std::string text = "{\"k\": 0";
  for (int i = 0; i < 128000; ++i)
    text += ", \"k" + std::to_string(i) + "\": [" + std::to_string(i) + "]";
  const Json value = parse_json(text + "}", "vocabulary.json");
  EXPECT_EQ(value.size(), 128001u);
  EXPECT_EQ(std::prev(value.end()).value()[0], 127999);
}

TEST(Json, RefusesInvalidUtf8) {
  EXPECT_THAT(error_of("{\"a\": \"\xff\"}"), HasSubstr("not valid JSON"));
}

TEST(Json, CommentsAreReadOnlyWhereAllowed) {
  const std::string text = "{\n  // of the run\n  \"a\": 1 /* one */\n}";
  EXPECT_THAT(error_of(text), HasSubstr("not valid JSON"));
  EXPECT_EQ(parse_json(text, "run.json", {.allow_comments = true}).at("a"), 1);
}

TEST(Json, DoublesPrintSoThatTheyReadBackBitForBit) {
  for (const double value : {0.1, 1.0 / 3.0, 2e-5, 5e-324, 1.7976931348623157e308, -0.0}) {
    const double back = parse_json(to_json_text(Json(value)), "x").get<double>();
    EXPECT_EQ(back, value);
    EXPECT_EQ(std::signbit(back), std::signbit(value));
  }
}

TEST(Json, MissingFileIsAConfigErrorThatNamesIt) {
  try {
    read_json_file("/nonexistent/run.json");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/run.json"));
    EXPECT_EQ(error.exit_code(), kExitBadInput);
  }
}

}  // namespace
}  // namespace ropewalk

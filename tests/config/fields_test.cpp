#include <gmock/gmock.h>

#include <limits>

#include "ropewalk/config/description.h"
#include "ropewalk/config/reader.h"
#include "ropewalk/config/writer.h"

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

enum class Colour { kRed, kBlue };
constexpr auto enum_names(Colour) {
  return std::array{named(Colour::kRed, "red"), named(Colour::kBlue, "blue")};
}

struct Inner {
  double ratio = 0.5;
  std::optional<int64_t> count;
  static constexpr auto fields() {
    using namespace rules;
    return std::tuple{
        field("ratio", &Inner::ratio, "A ratio.", positive, at_most(1), advice("Mind the ratio.")),
        field("count", &Inner::count, "A count.", at_least(2), unset_means("as many as there are")),
    };
  }
};

struct Outer {
  std::string name;
  bool fast = true;
  int64_t size = 3;
  Colour colour = Colour::kBlue;
  std::vector<int64_t> windows = {1};
  std::array<double, 2> pair = {0.1, 0.2};
  std::string kind = "a";
  Inner inner;
  static constexpr auto fields() {
    using namespace rules;
    return std::tuple{
        field("name", &Outer::name, "A name.", required, not_empty),
        field("fast", &Outer::fast, "Fast | slow."),
        field("size", &Outer::size, "A size.", non_negative),
        field("colour", &Outer::colour, "A colour."),
        field("windows", &Outer::windows, "Windows.", positive),
        field("pair", &Outer::pair, "A pair.", less_than(1)),
        field("kind", &Outer::kind, "A kind.", one_of("a|b")),
        field("inner", &Outer::inner, "A section.", may_change_on_resume),
    };
  }
  void check(Diagnostics& d) const {
    if (size > 100 && fast) d.error("size", "too large to be fast");
  }
};

Outer read(const char* text, Diagnostics& d) {
  return parse_fields<Outer>(parse_json(text, "test"), d);
}

// "where: text" of the only fault.
std::string only_fault(const char* text) {
  Diagnostics d;
  read(text, d);
  if (d.errors().size() != 1) return d.report("expected one fault");
  return d.errors()[0].where + ": " + d.errors()[0].text;
}

TEST(Fields, MissingKeysKeepTheirDefaults) {
  Diagnostics d;
  const Outer outer = read(R"({"name": "x"})", d);
  EXPECT_TRUE(d.ok()) << d.report("");
  EXPECT_EQ(outer.size, 3);
  EXPECT_EQ(outer.colour, Colour::kBlue);
  EXPECT_THAT(outer.windows, ElementsAre(1));
  EXPECT_EQ(outer.inner.count, std::nullopt);
}

TEST(Fields, EveryTypeIsReadAndWrittenBack) {
  const Json json = parse_json(R"({"name": "x", "fast": false, "size": 7, "colour": "red",
      "windows": [4, 5], "pair": [-1.0, 0.25], "kind": "b", "inner": {"ratio": 1.0, "count": 2}})",
                               "test");
  Diagnostics d;
  const Outer outer = parse_fields<Outer>(json, d);
  EXPECT_TRUE(d.ok()) << d.report("");
  EXPECT_EQ(outer.colour, Colour::kRed);
  EXPECT_EQ(outer.inner.count, 2);
  EXPECT_EQ(to_json(outer).dump(), json.dump());
}

TEST(Fields, OptionalWithoutValueIsLeftOutAndNullUnsetsIt) {
  Diagnostics d;
  const Outer outer = read(R"({"name": "x", "inner": {"count": null}})", d);
  EXPECT_TRUE(d.ok());
  EXPECT_FALSE(to_json(outer)["inner"].contains("count"));
  EXPECT_THAT(only_fault(R"({"name": "x", "size": null})"),
              HasSubstr("size: found null, expected an integer >= 0"));
}

TEST(Fields, UnknownKeyNamesPathAndNearestKey) {
  EXPECT_THAT(only_fault(R"({"name": "x", "inner": {"rato": 1}})"),
              AllOf(HasSubstr("inner.rato: unknown key"), HasSubstr("did you mean \"ratio\"?")));
}

TEST(Fields, UnknownKeyThatBelongsElsewhereIsSentThere) {
  EXPECT_THAT(
      only_fault(R"({"name": "x", "inner": {"windows": [1]}})"),
      AllOf(HasSubstr("inner.windows: unknown key"), HasSubstr("known elsewhere: windows")));
  EXPECT_THAT(only_fault(R"({"name": "x", "ratio": 1})"), HasSubstr("inner.ratio"));
}

TEST(Fields, UnknownKeyWithoutLikenessListsTheKnownOnes) {
  EXPECT_THAT(only_fault(R"({"name": "x", "inner": {"zzzzzzzz": 1}})"),
              HasSubstr("known here: ratio, count"));
}

TEST(Fields, QuotedNumberIsRefusedWithWhatToDo) {
  EXPECT_THAT(
      only_fault(R"({"name": "x", "size": "16"})"),
      HasSubstr("size: found the string \"16\", expected an integer >= 0. Write it without"));
}

TEST(Fields, WholeNumbersCountAsIntegersAndFractionsDoNot) {
  Diagnostics d;
  EXPECT_EQ(read(R"({"name": "x", "size": 16.0})", d).size, 16);
  EXPECT_EQ(read(R"({"name": "x", "size": 1e2})", d).size, 100);
  EXPECT_TRUE(d.ok());
  EXPECT_THAT(only_fault(R"({"name": "x", "size": 1.5})"), HasSubstr("found the number 1.5"));
  EXPECT_THAT(only_fault(R"({"name": "x", "size": 1e300})"), HasSubstr("an integer >= 0"));
  EXPECT_THAT(only_fault(R"({"name": "x", "size": 18446744073709551615})"),
              HasSubstr("found the number 18446744073709551615"));
}

TEST(Fields, NumbersThatAreNotFiniteAreRefused) {
  for (const double value : {std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()}) {
    Diagnostics d;
    const Json json = {{"name", "x"}, {"pair", {0.1, value}}, {"size", value}};
    const Outer outer = parse_fields<Outer>(json, d);
    EXPECT_EQ(d.errors().size(), 2u) << d.report("");
    EXPECT_EQ(outer.size, 3);
  }
}

TEST(Fields, RuleBoundsHoldAndAdviceIsAdded) {
  EXPECT_THAT(only_fault(R"({"name": "x", "inner": {"ratio": 0}})"),
              HasSubstr("inner.ratio: found the number 0, expected a number > 0, <= 1. Mind the"));
  EXPECT_THAT(only_fault(R"({"name": "x", "inner": {"ratio": 1.5}})"), HasSubstr("<= 1"));
  EXPECT_THAT(only_fault(R"({"name": "x", "inner": {"count": 1}})"), HasSubstr(">= 2"));
  EXPECT_THAT(only_fault(R"({"name": "x", "pair": [1, 0]})"), HasSubstr("pair[0]"));
  EXPECT_THAT(only_fault(R"({"name": "x", "kind": "c"})"), HasSubstr("one of \"a\", \"b\""));
  EXPECT_THAT(only_fault(R"({"name": "x", "colour": "green"})"), HasSubstr("\"red\", \"blue\""));
  EXPECT_THAT(only_fault(R"({"name": ""})"), HasSubstr("not empty"));
}

TEST(Fields, TextThatJsonCannotKeepIsRefused) {
  for (const std::string& text : {std::string("\xff"), std::string("a\0b", 3)}) {
    Diagnostics d;
    parse_fields<Outer>(Json{{"name", text}}, d);
    EXPECT_THAT(d.report("x"), HasSubstr("It must be UTF-8 without NUL characters"));
  }
}

TEST(Fields, ListsNameTheElementAtFault) {
  EXPECT_THAT(only_fault(R"({"name": "x", "windows": [1, 0]})"), HasSubstr("windows[1]: "));
  EXPECT_THAT(only_fault(R"({"name": "x", "windows": 5})"), HasSubstr("Write [5] for one value"));
  EXPECT_THAT(only_fault(R"({"name": "x", "pair": [0.1]})"), HasSubstr("a list of 2 numbers"));
}

TEST(Fields, MissingRequiredKeyIsAFault) {
  EXPECT_THAT(only_fault("{}"), HasSubstr("name: is missing and has no default"));
}

TEST(Fields, SectionMustBeAnObject) {
  EXPECT_THAT(only_fault(R"({"name": "x", "inner": []})"), HasSubstr("inner: found an empty list"));
  EXPECT_THAT(only_fault("[]"), HasSubstr("expected an object"));
}

TEST(Fields, AllFaultsAreReportedAtOnceTogetherWithThoseOverSeveralFields) {
  Diagnostics d;
  read(R"({"fast": true, "size": 200, "colour": 1, "inner": {"ratio": "x", "y": 1}})", d);
  std::vector<std::string> places;
  for (const auto& item : d.errors()) places.push_back(item.where);
  EXPECT_THAT(places, ElementsAre("name", "colour", "inner.ratio", "inner.y", "size"));
}

TEST(Fields, HostileKeysAndValuesAreShownShortAndEscaped) {
  const std::string long_name(100000, 'k');
  Diagnostics d;
  parse_fields<Outer>(Json{{"name", "x"}, {long_name, 1}, {"a.b\n", 1}, {"kind", long_name}}, d);
  ASSERT_EQ(d.errors().size(), 3u);
  EXPECT_LT(d.report("x").size(), 1500u);
  EXPECT_THAT(d.report("x"), HasSubstr("\"a.b\\n\": unknown key"));
}

TEST(Fields, DescriptionGivesPathsAndFindsFields) {
  const auto fields = describe<Outer>();
  EXPECT_THAT(value_paths(fields),
              ElementsAre("name",
                          "fast",
                          "size",
                          "colour",
                          "windows",
                          "pair",
                          "kind",
                          "inner.ratio",
                          "inner.count"));
  ASSERT_NE(find_field(fields, "inner.count"), nullptr);
  EXPECT_TRUE(find_field(fields, "inner.count")->type.nullable);
  EXPECT_EQ(find_field(fields, "inner.nothing"), nullptr);
  EXPECT_EQ(find_field(fields, "name.nothing"), nullptr);
}

TEST(Fields, SchemaStatesTypesRulesAndDefaults) {
  const Json schema = json_schema<Outer>("Outer");
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_EQ(schema["required"].dump(), R"(["name"])");
  const Json& properties = schema["properties"];
  EXPECT_EQ(properties["size"].dump(),
            R"({"type":"integer","minimum":0,"description":"A size.","default":3})");
  EXPECT_EQ(properties["colour"]["enum"].dump(), R"(["red","blue"])");
  EXPECT_EQ(properties["windows"]["items"].dump(), R"({"type":"integer","exclusiveMinimum":0})");
  EXPECT_EQ(properties["pair"]["minItems"], 2);
  EXPECT_EQ(properties["inner"]["properties"]["count"]["type"].dump(), R"(["integer","null"])");
}

TEST(Fields, ReferenceHasOneRowPerKeyOfASection) {
  const std::string page = reference_markdown<Outer>("# Title\n");
  EXPECT_THAT(page, HasSubstr("## `inner`\n\nA section. Every key here may change on resume."));
  EXPECT_THAT(page, HasSubstr("| `ratio` | number | `0.5` | > 0, <= 1 | A ratio. |\n"));
  EXPECT_THAT(page, HasSubstr("| `count` | integer | as many as there are | >= 2 | A count. |\n"));
}

}  // namespace
}  // namespace ropewalk

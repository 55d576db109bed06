// Ten thousand damaged configs: each is read or refused with a ConfigError, and what is read can be
// written and read again.
#include <gtest/gtest.h>

#include <random>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/config/overrides.h"
#include "ropewalk/settings/run_config.h"

namespace ropewalk {
namespace {

using Random = std::mt19937_64;

size_t below(Random& random, size_t bound) { return random() % bound; }

std::string damaged_text(std::string text, Random& random) {
  static const std::vector<std::string> kPieces = {"{",
                                                   "}",
                                                   "[",
                                                   "]",
                                                   ",",
                                                   ":",
                                                   "\"",
                                                   "//",
                                                   "null",
                                                   "true",
                                                   "1e400",
                                                   "-0",
                                                   "9223372036854775808",
                                                   "1e999",
                                                   "\\u0000",
                                                   "\xff",
                                                   std::string(1, '\0'),
                                                   "0.5",
                                                   "\"\"",
                                                   "NaN",
                                                   "[[[[",
                                                   "/*"};
  for (size_t n = 1 + below(random, 4); n > 0 && !text.empty(); --n) {
    const size_t at = below(random, text.size());
    switch (below(random, 4)) {
      case 0:
        text.erase(at, 1 + below(random, 8));
        break;
      case 1:
        text.insert(at, kPieces[below(random, kPieces.size())]);
        break;
      case 2:
        text[at] = static_cast<char>(random());
        break;
      default:
        text.insert(at, text.substr(below(random, text.size()), below(random, 40)));
    }
  }
  return text;
}

// Valid JSON with values, keys and nesting exchanged.
void damage_values(Json& json, Random& random) {
  static const std::vector<Json> kValues = {nullptr,
                                            true,
                                            0,
                                            -1,
                                            1,
                                            2,
                                            INT64_MAX,
                                            INT64_MIN,
                                            UINT64_MAX,
                                            0.5,
                                            1e308,
                                            5e-324,
                                            -0.0,
                                            "",
                                            "16",
                                            "llama",
                                            "yarn",
                                            "a\nb",
                                            std::string("a\0b", 3),
                                            "\xff",
                                            Json::array(),
                                            Json::object(),
                                            Json::array({1, "x", nullptr}),
                                            Json::array({3, 2}),
                                            {{"steps", 1}},
                                            std::numeric_limits<double>::quiet_NaN(),
                                            std::numeric_limits<double>::infinity()};
  if (below(random, 6) == 0) {
    json = kValues[below(random, kValues.size())];
    return;
  }
  if (json.is_object() && below(random, 8) == 0) {
    json[below(random, 2) ? "pos_scaling_facter" : "\x01"] = kValues[below(random, kValues.size())];
  }
  if (json.is_structured()) {
    for (auto& child : json) {
      if (below(random, 4) == 0) damage_values(child, random);
    }
  }
}

// True when it was accepted.
bool survives(const Json& json) {
  Diagnostics d;
  const RunConfig config = parse_run_config(json, RunPurpose::kTrain, d);
  EXPECT_EQ(d.report("x").empty(), d.ok());
  if (!d.ok()) return false;
  Diagnostics again;
  const std::string text = to_json_text(resolved_json(config));
  const RunConfig copy = parse_run_config(parse_json(text, "copy"), RunPurpose::kTrain, again);
  EXPECT_TRUE(again.ok()) << again.report("copy");
  EXPECT_EQ(text, to_json_text(resolved_json(copy)));
  return true;
}

std::vector<std::string> example_texts() {
  std::vector<std::string> texts;
  for (const char* name : {"extend-16x", "extend-tiny", "pretrain-tiny"}) {
    texts.push_back(read_file(std::filesystem::path(ROPEWALK_SOURCE_DIR) / "configs" /
                              (std::string(name) + ".json")));
  }
  return texts;
}

TEST(Robustness, DamagedTextIsReadOrRefused) {
  Random random(1);
  int num_accepted = 0;
  for (const std::string& text : example_texts()) {
    for (int i = 0; i < 2000; ++i) {
      try {
        num_accepted +=
            survives(parse_json(damaged_text(text, random), "damaged", {.allow_comments = true}));
      } catch (const ConfigError&) {
      }
    }
  }
  EXPECT_GT(num_accepted, 0);
}

TEST(Robustness, DamagedValuesAreReadOrRefused) {
  Random random(2);
  int num_accepted = 0;
  for (const std::string& text : example_texts()) {
    const Json original = parse_json(text, "original", {.allow_comments = true});
    for (int i = 0; i < 2000; ++i) {
      Json json = original;
      damage_values(json, random);
      num_accepted += survives(json);
    }
  }
  EXPECT_GT(num_accepted, 0);
}

TEST(Robustness, DamagedAssignmentsAreAppliedOrRefused) {
  Random random(3);
  const Json original = parse_json(example_texts()[0], "original", {.allow_comments = true});
  for (int i = 0; i < 2000; ++i) {
    const std::string assignment = damaged_text("model.pos_scaling_factor=16.0", random);
    try {
      survives(apply_overrides(original, {assignment}));
    } catch (const ConfigError&) {
    }
  }
}

}  // namespace
}  // namespace ropewalk

#include "model/rotary_cache.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/fixture.h"
#include "ropewalk/rope/hf_rope.h"

namespace ropewalk {
namespace {

using testing::Fixture;
using testing::largest_difference;

RopeParameters rope_of(const Json& config) {
  RopeContext context;
  context.head_dim = config.at("head_dim").get<int64_t>();
  context.max_position_embeddings = config.at("max_position_embeddings").get<int64_t>();
  Diagnostics diagnostics;
  const RopeParameters rope = read_hf_rope(config, context, diagnostics).now;
  EXPECT_TRUE(diagnostics.ok());
  return rope;
}

// Every kind up to position 131071, in fp32 as transformers computes it.
TEST(RotaryCacheTest, FarPositionsEqualTransformers) {
  const Fixture fixture("model_far_tables");
  const Json cases = read_json_file(ROPEWALK_SOURCE_DIR "/tests/fixtures/model_far_tables.json");
  double largest = 0.0;
  for (const auto& [name, config] : cases.items()) {
    RotaryCache cache(rope_of(config), at::kCPU);
    // Longest first: what was asked for before must not matter.
    std::vector<int64_t> lengths = config.at("lengths").get<std::vector<int64_t>>();
    std::reverse(lengths.begin(), lengths.end());
    for (const int64_t length : lengths) {
      const auto tables = cache.tables(length);
      const std::string prefix = name + "/" + std::to_string(length) + "/";
      const at::Tensor positions = fixture.tensor(prefix + "positions");
      const double difference = std::max(
          largest_difference(tables.cos.index_select(0, positions), fixture.tensor(prefix + "cos")),
          largest_difference(tables.sin.index_select(0, positions),
                             fixture.tensor(prefix + "sin")));
      EXPECT_LT(difference, 1e-6) << prefix;
      largest = std::max(largest, difference);
    }
  }
  RecordProperty("largest_difference", std::to_string(largest));
}

TEST(RotaryCacheTest, SameLengthGivesTheSameTableWhateverCameBefore) {
  const Json cases = read_json_file(ROPEWALK_SOURCE_DIR "/tests/fixtures/model_far_tables.json");
  for (const char* kind : {"dynamic", "longrope"}) {
    const RopeParameters rope = rope_of(cases.at(kind));
    RotaryCache fresh(rope, at::kCPU), used(rope, at::kCPU);
    const at::Tensor expected = fresh.tables(5000).cos.slice(0, 0, 5000);
    used.tables(9000);
    const at::Tensor within = used.tables(100).cos;
    EXPECT_TRUE(used.tables(5000).cos.slice(0, 0, 5000).equal(expected)) << kind;
    EXPECT_FALSE(expected.slice(0, 0, 64).equal(within.slice(0, 0, 64))) << kind;
    EXPECT_TRUE(used.tables(4096).cos.slice(0, 0, 64).equal(within.slice(0, 0, 64))) << kind;
  }
}

TEST(RotaryCacheTest, EarlierTablesStayValid) {
  const Json cases = read_json_file(ROPEWALK_SOURCE_DIR "/tests/fixtures/model_far_tables.json");
  RotaryCache cache(rope_of(cases.at("dynamic")), at::kCPU);
  const auto first = cache.tables(5000);
  const at::Tensor copy = first.cos.clone();
  cache.tables(6000);
  EXPECT_TRUE(first.cos.equal(copy));
}

TEST(RotaryCacheTest, StandingPairsKeepCosOneAndSinZero) {
  const Json cases = read_json_file(ROPEWALK_SOURCE_DIR "/tests/fixtures/model_far_tables.json");
  RotaryCache cache(rope_of(cases.at("proportional")), at::kCPU);
  const auto tables = cache.tables(100);
  EXPECT_EQ(tables.cos.slice(1, 16).min().item<float>(), 1.0f);
  EXPECT_EQ(tables.sin.slice(1, 16).abs().max().item<float>(), 0.0f);
}

}  // namespace
}  // namespace ropewalk

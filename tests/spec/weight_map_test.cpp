#include "ropewalk/spec/weight_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "ropewalk/spec/formulas.h"
#include "spec/spec_test_tools.h"

namespace ropewalk {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

DecoderSpec spec_of(const Json& config) {
  Diagnostics diagnostics;
  return read_spec(config, diagnostics).spec;
}

const WeightEntry& find(const std::vector<WeightEntry>& map, const std::string& name) {
  for (const WeightEntry& entry : map) {
    if (entry.name == name) return entry;
  }
  throw std::runtime_error("no entry " + name);
}

int64_t count(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

std::vector<Json> variants() {
  std::vector<Json> configs;
  for (int bits = 0; bits < 8; ++bits) {
    Json config = small_config();
    config["tie_word_embeddings"] = (bits & 1) != 0;
    config["attention_bias"] = (bits & 2) != 0;
    config["mlp_bias"] = (bits & 4) != 0;
    configs.push_back(config);
  }
  return configs;
}

TEST(WeightMap, SlicesCoverEveryRowOnceInOrder) {
  for (const Json& config : variants()) {
    for (const WeightEntry& entry : weight_map(spec_of(config))) {
      int64_t row = 0;
      for (const WeightSlice& slice : entry.slices) {
        EXPECT_EQ(slice.row_begin, row) << slice.foreign_name;
        EXPECT_EQ(slice.shape[0], slice.row_end - slice.row_begin);
        EXPECT_EQ(slice.shape.size(), entry.shape.size());
        row = slice.row_end;
      }
      EXPECT_EQ(row, entry.shape[0]) << entry.name;
    }
  }
}

TEST(WeightMap, SizesAddUpToTheParameterCount) {
  for (const Json& config : variants()) {
    const DecoderSpec spec = spec_of(config);
    int64_t total = 0;
    std::set<std::string> foreign;
    for (const WeightEntry& entry : weight_map(spec)) {
      total += count(entry.shape);
      for (const WeightSlice& slice : entry.slices) {
        EXPECT_TRUE(foreign.insert(slice.foreign_name).second) << slice.foreign_name;
      }
    }
    EXPECT_EQ(total, parameter_count(spec));
  }
}

TEST(WeightMap, QueryKeyAndValueAreStackedInThatOrder) {
  const WeightEntry entry =
      find(weight_map(spec_of(small_config())), "layers.1.attention.qkv.weight");
  EXPECT_THAT(entry.shape, ElementsAre(100, 48));
  ASSERT_EQ(entry.slices.size(), 3u);
  EXPECT_EQ(entry.slices[0].foreign_name, "model.layers.1.self_attn.q_proj.weight");
  EXPECT_THAT(entry.slices[0].shape, ElementsAre(60, 48));
  EXPECT_EQ(entry.slices[2].foreign_name, "model.layers.1.self_attn.v_proj.weight");
  EXPECT_THAT(entry.slices[2].shape, ElementsAre(20, 48));
}

TEST(WeightMap, OutputProjectionTakesAllHeads) {
  const auto map = weight_map(spec_of(small_config()));
  EXPECT_THAT(find(map, "layers.0.attention.output.weight").shape, ElementsAre(48, 60));
  EXPECT_THAT(find(map, "layers.0.mlp.gate_up.weight").shape, ElementsAre(160, 48));
  EXPECT_THAT(find(map, "layers.0.mlp.down.weight").shape, ElementsAre(48, 80));
}

TEST(WeightMap, TiedHeadIsIgnoredInsteadOfMapped) {
  Json config = small_config();
  EXPECT_THAT(ignored_weights(spec_of(config)), Not(Contains("lm_head.weight")));
  config["tie_word_embeddings"] = true;
  EXPECT_THAT(ignored_weights(spec_of(config)), Contains("lm_head.weight"));
}

// Sizes from the published config.json files of these models.
TEST(Formulas, ParameterCountsOfPublishedModelsAreExact) {
  struct Published {
    const char* name;
    Json config;
    int64_t parameters;
  };
  const Json llama2_7b = {{"vocab_size", 32000},
                          {"hidden_size", 4096},
                          {"intermediate_size", 11008},
                          {"num_hidden_layers", 32},
                          {"num_attention_heads", 32},
                          {"num_key_value_heads", 32}};
  const Json llama31_8b = {{"vocab_size", 128256},
                           {"hidden_size", 4096},
                           {"intermediate_size", 14336},
                           {"num_hidden_layers", 32},
                           {"num_attention_heads", 32},
                           {"num_key_value_heads", 8}};
  const Json llama32_1b = {{"vocab_size", 128256},
                           {"hidden_size", 2048},
                           {"intermediate_size", 8192},
                           {"num_hidden_layers", 16},
                           {"num_attention_heads", 32},
                           {"num_key_value_heads", 8},
                           {"head_dim", 64},
                           {"tie_word_embeddings", true}};
  const Json llama31_70b = {{"vocab_size", 128256},
                            {"hidden_size", 8192},
                            {"intermediate_size", 28672},
                            {"num_hidden_layers", 80},
                            {"num_attention_heads", 64},
                            {"num_key_value_heads", 8}};
  for (const Published& model : {Published{"Llama-2-7B", llama2_7b, 6738415616},
                                 Published{"Llama-3.1-8B", llama31_8b, 8030261248},
                                 Published{"Llama-3.2-1B", llama32_1b, 1235814400},
                                 Published{"Llama-3.1-70B", llama31_70b, 70553706496}}) {
    EXPECT_EQ(parameter_count(spec_of(model.config)), model.parameters) << model.name;
  }
}

TEST(Formulas, FlopsGrowWithLengthByAttentionOnly) {
  const DecoderSpec spec = spec_of(small_config());
  const FlopsPerToken one = flops_per_token(spec, 1);
  const FlopsPerToken longer = flops_per_token(spec, 1001);
  // Two products of 60 multiply-adds a key and layer, 500 more keys on average.
  EXPECT_DOUBLE_EQ(longer.forward - one.forward, 2.0 * 2.0 * 500.0 * 2.0 * 60.0);
  EXPECT_DOUBLE_EQ(longer.total(), 3.0 * longer.forward);
}

TEST(Formulas, CheckpointHoldsMomentsAndMasterWeights) {
  const DecoderSpec spec = spec_of(small_config());
  const int64_t n = parameter_count(spec);
  EXPECT_EQ(weight_bytes(spec, 2), 2 * n);
  EXPECT_EQ(checkpoint_bytes(spec, 4), 12 * n);
  EXPECT_EQ(checkpoint_bytes(spec, 2), 14 * n);
}

}  // namespace
}  // namespace ropewalk

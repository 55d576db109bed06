#include <gmock/gmock.h>

#include <algorithm>

#include "ropewalk/spec/lora_config.h"
#include "ropewalk/spec/lora_spec.h"
#include "ropewalk/spec/parameters.h"
#include "ropewalk/spec/weight_map.h"
#include "spec/spec_test_tools.h"

namespace ropewalk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Resolved {
  DecoderSpec spec;
  Diagnostics faults;
};

Resolved resolve(const Json& config, const LoraConfig& lora) {
  Resolved result;
  Diagnostics ignored;
  result.spec = find_family(config.at("model_type"), "test").from_hf(config, ignored).spec;
  result.spec.lora = resolve_lora(lora, result.spec, result.faults);
  return result;
}

std::vector<std::string> foreign_names(const DecoderSpec& spec, const std::string& parameter) {
  std::vector<std::string> names;
  for (const WeightEntry& entry : weight_map(spec)) {
    if (entry.name != parameter) continue;
    for (const WeightSlice& slice : entry.slices) names.push_back(slice.foreign_name);
  }
  return names;
}

TEST(Lora, SomePartsOfAMergedWeightHaveUpdatesOfTheirOwn) {
  const auto [spec, faults] = resolve(small_config(), {.rank = 3, .targets = {"q_proj", "v_proj"}});
  ASSERT_TRUE(faults.ok()) << errors_of(faults);
  const std::vector<ParameterShape> block = block_parameters(spec, 1);
  const auto shape_of = [&](const std::string& name) {
    const auto at = std::find_if(block.begin(), block.end(), [&](const ParameterShape& parameter) {
      return parameter.name == name;
    });
    return at == block.end() ? std::vector<int64_t>() : at->shape;
  };
  EXPECT_THAT(shape_of("attention.qkv.lora_A"), ElementsAre(6, 48));
  EXPECT_THAT(shape_of("attention.qkv.lora_B"), ElementsAre(60 + 20, 3));
  EXPECT_THAT(shape_of("attention.output.lora_A"), ElementsAre());
  EXPECT_THAT(foreign_names(spec, "layers.1.attention.qkv.lora_B"),
              ElementsAre("base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight",
                          "base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight"));
  const LoraTarget& target = spec.lora->targets.front();
  EXPECT_EQ(target.updates.back().row_begin, 80);
  EXPECT_EQ(target.updates.back().row_end, 100);
  EXPECT_THAT(peft_target_modules(spec), ElementsAre("q_proj", "v_proj"));
}

TEST(Lora, WithoutTargetsEveryProjectionOfAttentionIsOne) {
  const auto [spec, faults] = resolve(small_config(), {.rank = 2, .alpha = 8.0});
  EXPECT_THAT(peft_target_modules(spec), ElementsAre("k_proj", "o_proj", "q_proj", "v_proj"));
  EXPECT_EQ(spec.lora->scale, 4.0);
  EXPECT_EQ(without_lora(spec).lora, std::nullopt);
}

TEST(Lora, RankStabilisedScaleDividesByTheRoot) {
  EXPECT_EQ(resolve(small_config(), {.rank = 4, .alpha = 6.0, .use_rslora = true}).spec.lora->scale,
            3.0);
}

TEST(Lora, ANameThatMeansOtherLayersIsWrittenWithMoreWords) {
  Json config = small_config();
  config["model_type"] = "qwen2_moe";
  config["num_experts"] = 4;
  config["num_experts_per_tok"] = 2;
  config["moe_intermediate_size"] = 16;
  config["shared_expert_intermediate_size"] = 24;
  config["mlp_only_layers"] = {0};
  config.erase("head_dim");
  const auto [spec, faults] = resolve(config, {.rank = 2, .targets = {"mlp.down_proj"}});
  EXPECT_TRUE(faults.ok()) << errors_of(faults);
  EXPECT_THAT(peft_target_modules(spec), ElementsAre("mlp.down_proj"));
  EXPECT_THAT(errors_of(resolve(config, {.rank = 2, .targets = {"down_proj"}}).faults),
              HasSubstr("routed experts and their routers cannot have a low-rank update"));
}

TEST(Lora, UnknownTargetsAreRefusedWithTheNamesThatThereAre) {
  const auto [spec, faults] = resolve(small_config(), {.rank = 2, .targets = {"query", "lm_head"}});
  EXPECT_EQ(faults.errors().size(), 2u);
  EXPECT_THAT(errors_of(faults),
              HasSubstr("down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj"));
}

}  // namespace
}  // namespace ropewalk

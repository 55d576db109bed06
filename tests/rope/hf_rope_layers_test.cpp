// Rope fields of families that have layer types, other names for the fields, or none at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rope/rope_test_tools.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

using ::testing::HasSubstr;

RopeContext full_attention() {
  RopeContext context;
  context.head_dim = 32;
  context.default_theta = 1e6;
  context.layer_type = "full_attention";
  return context;
}

RopeContext sliding_attention() {
  RopeContext context = full_attention();
  context.default_theta = 10000.0;
  context.layer_type = "sliding_attention";
  context.main = false;
  context.theta_key = "rope_local_base_freq";
  return context;
}

RopeContext gptj() {
  RopeContext context;
  context.head_dim = 32;
  context.rotary_dims = 16;
  context.layout = RopeLayout::kInterleaved;
  context.window_key = "n_positions";
  context.theta_key = context.partial_key = "";
  context.scaling_expressible = false;
  return context;
}

struct Outcome {
  RopeReading reading;
  std::string errors;
  std::string warnings;
};

Outcome read(const Json& config, RopeContext context) {
  context.max_position_embeddings = config.value(context.window_key, int64_t{64});
  Diagnostics diagnostics;
  Outcome outcome{read_hf_rope(config, context, diagnostics), "", ""};
  outcome.errors = errors_of(diagnostics);
  outcome.warnings = warnings_of(diagnostics);
  return outcome;
}
Outcome read(const char* text, const RopeContext& context) {
  return read(parse_json(text, "config.json"), context);
}

const char* const kNested = R"({"max_position_embeddings": 512, "rope_parameters": {
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
    "sliding_attention": {"rope_type": "default", "rope_theta": 5000}}})";

TEST(LayerTypes, EachTakesItsOwnEntry) {
  const RopeParameters full = read(kNested, full_attention()).reading.now;
  EXPECT_EQ(full.kind, RopeKind::kLinear);
  EXPECT_EQ(full.theta, 1e6);
  EXPECT_EQ(full.original_max_position_embeddings, 64);
  const RopeParameters sliding = read(kNested, sliding_attention()).reading.now;
  EXPECT_EQ(sliding.kind, RopeKind::kDefault);
  EXPECT_EQ(sliding.theta, 5000.0);
}

TEST(LayerTypes, OldFlatFieldsConcernTheMainOneAlone) {
  const char* text = R"({"max_position_embeddings": 512, "rope_theta": 2e6,
      "rope_local_base_freq": 3000, "pos_scaling_factor": 8,
      "rope_scaling": {"type": "linear", "factor": 8.0}})";
  EXPECT_EQ(read(text, full_attention()).reading.now.factor, 8.0);
  const Outcome sliding = read(text, sliding_attention());
  EXPECT_EQ(sliding.reading.now.kind, RopeKind::kDefault);
  EXPECT_EQ(sliding.reading.now.theta, 3000.0);
  EXPECT_EQ(sliding.errors + sliding.warnings, "");
}

TEST(LayerTypes, MissingEntryFlatParametersAndStrayFieldsAreRefused) {
  EXPECT_THAT(
      read(R"({"rope_parameters": {"ful_attention": {"rope_type": "default"}}})", full_attention())
          .errors,
      HasSubstr("no entry for layer type full_attention; found ful_attention"));
  EXPECT_THAT(
      read(R"({"rope_parameters": {"rope_type": "default", "rope_theta": 1e4}})", full_attention())
          .errors,
      HasSubstr("is flat; layers of this family differ"));
  Json config = parse_json(kNested, "config.json");
  config["rope_parameters"]["rope_theta"] = 1e4;
  EXPECT_THAT(read(config, full_attention()).warnings, HasSubstr("beside the layer types"));
  config["rope_parameters"]["fctor"] = 2;
  EXPECT_THAT(read(config, full_attention()).errors, HasSubstr("rope_parameters.fctor"));
}

TEST(LayerTypes, TruncateIsHeardBesideTheLayerTypesAsInTransformers) {
  Json config = parse_json(R"({"max_position_embeddings": 512, "rope_parameters": {
      "full_attention": {"rope_type": "yarn", "factor": 8.0, "rope_theta": 1e6, "truncate": false,
                         "original_max_position_embeddings": 64},
      "sliding_attention": {"rope_type": "default", "rope_theta": 5000}}})",
                           "config.json");
  const Outcome inside = read(config, full_attention());
  EXPECT_EQ(inside.reading.now.truncate, true);
  EXPECT_THAT(inside.warnings, HasSubstr("truncate: found false, but true (the default) holds"));
  config["rope_parameters"]["truncate"] = false;
  const Outcome beside = read(config, full_attention());
  EXPECT_EQ(beside.reading.now.truncate, false);
  EXPECT_EQ(beside.warnings, "");
}

TEST(LayerTypes, TopLevelOriginalIsNotHeardForNestedYarn) {
  const Outcome outcome = read(R"({"max_position_embeddings": 512,
      "original_max_position_embeddings": 128, "rope_parameters": {
      "full_attention": {"rope_type": "yarn", "factor": 8.0, "rope_theta": 1e6,
                         "original_max_position_embeddings": 64}}})",
                               full_attention());
  EXPECT_EQ(outcome.reading.now.original_max_position_embeddings, 64);
  EXPECT_THAT(outcome.warnings, HasSubstr("found 128; it is not heard"));
}

TEST(LayerTypes, WrittenNestedWithTheIdentityOfEach) {
  Json config = parse_json(kNested, "config.json");
  config["rope_theta"] = 1e6;
  config["rope_local_base_freq"] = 5000;
  config["rope_scaling"] = nullptr;
  std::vector<LayerTypeRope> ropes;
  for (const RopeContext& context : {full_attention(), sliding_attention()}) {
    ropes.push_back({read(config, context).reading.now, context});
  }
  write_hf_rope(ropes, config);
  for (const char* key : {"rope_scaling", "rope_theta", "rope_local_base_freq"}) {
    EXPECT_FALSE(config.contains(key)) << key;
  }
  EXPECT_EQ(config["rope_parameters"]["full_attention"]["factor"], 8.0);
  EXPECT_EQ(config["rope_parameters"]["sliding_attention"]["rope_theta"], 5000.0);
  EXPECT_EQ(config["pos_scaling_factor"], 8.0);
  EXPECT_EQ(config["ropewalk"]["layer_types"]["sliding_attention"]["rope_theta"], 5000.0);
  for (const LayerTypeRope& one : ropes) {
    const Outcome again = read(config, one.context);
    EXPECT_EQ(again.errors + again.warnings, "");
    EXPECT_EQ(again.reading.now, one.rope);
    EXPECT_TRUE(again.reading.identity.has_value());
  }
}

TEST(LayerTypes, DisagreeingTruncateCannotBeWritten) {
  RopeParameters one = yarn_rope(8.0, 64), other = one;
  one.truncate = false;
  Json config = Json::object();
  EXPECT_THROW(write_hf_rope({{one, full_attention()}, {other, sliding_attention()}}, config),
               ConfigError);
}

TEST(OtherNames, NeoxNamesAreHeardAndTheUsualOnesAreNot) {
  RopeContext context;
  context.head_dim = 32;
  context.partial_rotary_allowed = true;
  context.default_partial_rotary_factor = 0.25;
  context.theta_key = "rotary_emb_base";
  context.partial_key = "rotary_pct";
  EXPECT_EQ(read("{}", context).reading.now.rotary_dims, 8);
  Json config = parse_json(R"({"max_position_embeddings": 64, "rotary_pct": 0.5,
      "rotary_emb_base": 20000, "rope_theta": 1e6, "partial_rotary_factor": 1.0})",
                           "config.json");
  const Outcome outcome = read(config, context);
  EXPECT_EQ(outcome.reading.now.theta, 20000.0);
  EXPECT_EQ(outcome.reading.now.rotary_dims, 16);
  EXPECT_THAT(outcome.warnings, HasSubstr("rope_theta: found 1000000, which this model_type"));
  EXPECT_THAT(outcome.warnings, HasSubstr("its name for it is rotary_pct"));
  write_hf_rope(outcome.reading.now, config, context);
  EXPECT_EQ(config["rotary_emb_base"], 20000.0);
  EXPECT_EQ(config["rotary_pct"], 0.5);
  EXPECT_FALSE(config.contains("rope_theta"));
  EXPECT_FALSE(config.contains("partial_rotary_factor"));
  EXPECT_EQ(read(config, context).reading.now, outcome.reading.now);
}

TEST(OtherNames, FamilyKeysSurviveWriting) {
  RopeContext context;
  context.head_dim = 32;
  context.family_keys = {"llama_4_scaling_beta"};
  Json config = parse_json(R"({"max_position_embeddings": 64, "rope_parameters":
      {"rope_type": "default", "rope_theta": 1e4, "llama_4_scaling_beta": 0.1}})",
                           "config.json");
  const Outcome outcome = read(config, context);
  EXPECT_EQ(outcome.errors + outcome.warnings, "");
  write_hf_rope(outcome.reading.now, config, context);
  EXPECT_EQ(config["rope_parameters"]["llama_4_scaling_beta"], 0.1);
  EXPECT_THAT(read(config, RopeContext{.head_dim = 32}).errors, HasSubstr("not a known rope"));
}

TEST(WithoutFields, EveryKindSurvivesInOurOwnKeys) {
  RopeParameters yarn = linear_rope(8.0, 64, 32), linear = yarn, dynamic = yarn;
  yarn.kind = RopeKind::kYarn;
  yarn.beta_fast = 16.0;
  dynamic.kind = RopeKind::kDynamic;
  for (RopeParameters rope : {plain_rope(), linear, yarn, dynamic}) {
    rope.rotary_dims = 16;
    rope.layout = RopeLayout::kInterleaved;
    Json config = {{"n_positions", 2048}, {"rotary_dim", 16}};
    write_hf_rope(rope, config, gptj());
    for (const char* key : {"rope_scaling",
                            "rope_parameters",
                            "rope_theta",
                            "max_position_embeddings",
                            "partial_rotary_factor"}) {
      EXPECT_FALSE(config.contains(key)) << key;
    }
    const Outcome again = read(config, gptj());
    EXPECT_EQ(again.errors + again.warnings, "");
    EXPECT_EQ(again.reading.now, rope);
    const auto remarks = foreign_reader_remarks(config);
    EXPECT_EQ(remarks.size(), rope.kind == RopeKind::kDefault ? 0u : 1u);
  }
}

TEST(WithoutFields, TheUsersTwoNumbersAreHeardAndRopeFieldsRefused) {
  const Outcome outcome = read(R"({"n_positions": 512, "pos_scaling_factor": 8})", gptj());
  EXPECT_EQ(outcome.errors, "");
  EXPECT_EQ(outcome.reading.now.kind, RopeKind::kLinear);
  EXPECT_EQ(outcome.reading.now.original_max_position_embeddings, 64);
  EXPECT_THAT(read(R"({"rope_scaling": {"type": "linear", "factor": 8}})", gptj()).errors,
              HasSubstr("transformers has no rope fields for it"));
}

TEST(Traps, DynamicWithALongerWindowThanItsOriginalIsRefused) {
  for (const char* text :
       {R"({"max_position_embeddings": 512, "rope_scaling": {"type": "dynamic", "factor": 8,
            "original_max_position_embeddings": 64}})",
        R"({"max_position_embeddings": 512, "original_max_position_embeddings": 64,
            "rope_scaling": {"type": "dynamic", "factor": 8}})"}) {
    Diagnostics diagnostics;
    read_rope(text, diagnostics);
    EXPECT_THAT(errors_of(diagnostics), HasSubstr("takes the former as the pre-training length"));
  }
}

TEST(Traps, DynamicWindowIsTheOriginalLength) {
  Diagnostics diagnostics;
  const RopeParameters rope = read_rope(R"({"max_position_embeddings": 64,
      "rope_scaling": {"type": "dynamic", "factor": 8}})",
                                        diagnostics)
                                  .now;
  EXPECT_EQ(rope, dynamic_rope(8.0));
}

TEST(Traps, LongropeListsBesideAnotherKindAreRefused) {
  Diagnostics diagnostics;
  read_rope(R"({"max_position_embeddings": 512, "rope_scaling": {"type": "linear", "factor": 8,
      "long_factor": [1, 2]}})",
            diagnostics);
  EXPECT_THAT(errors_of(diagnostics), HasSubstr("such lists belong to longrope"));
}

TEST(Traps, ExplicitFactorWinsOverTheRatioOfLengthsAloud) {
  Diagnostics diagnostics;
  const RopeParameters rope = read_rope(R"({"max_position_embeddings": 512, "rope_parameters":
      {"rope_type": "yarn", "factor": 4, "rope_theta": 1e4,
       "original_max_position_embeddings": 64}})",
                                        diagnostics)
                                  .now;
  EXPECT_EQ(rope.factor, 4.0);
  EXPECT_THAT(warnings_of(diagnostics), HasSubstr("is 8; the factor is taken"));
}

TEST(Traps, NullTypesDoNotCount) {
  Diagnostics diagnostics;
  const RopeParameters rope = read_rope(R"({"max_position_embeddings": 512,
      "rope_scaling": {"type": "linear", "factor": 8}, "rope_theta": 1e4,
      "rope_parameters": {"rope_type": null, "rope_theta": 1e4}})",
                                        diagnostics)
                                  .now;
  EXPECT_TRUE(diagnostics.ok()) << errors_of(diagnostics);
  EXPECT_EQ(rope, linear_rope(8.0));
}

}  // namespace
}  // namespace ropewalk

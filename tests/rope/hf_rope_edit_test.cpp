// config.json edited by hand: the user's own procedure, and what can be told from the identity.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rope/rope_test_tools.h"

namespace ropewalk {
namespace {

using ::testing::HasSubstr;

Json written(const RopeParameters& rope) {
  Json config = Json::object();
  write_hf_rope(rope, config);
  return config;
}

TEST(WrittenRope, ReadsBackForEveryKind) {
  RopeParameters yarn = yarn_rope();
  yarn.head_dim = yarn.rotary_dims = 32;
  yarn.beta_fast = 24.0;
  yarn.truncate = false;
  RopeParameters llama3 = llama3_rope();
  llama3.head_dim = llama3.rotary_dims = 32;
  RopeParameters direct = plain_rope();
  direct.max_position_embeddings = 512;
  RopeParameters proportional = proportional_rope(4);
  proportional.factor = 8.0;
  proportional.max_position_embeddings = 512;
  RopeParameters dynamic = dynamic_rope(8.0);
  dynamic.max_position_embeddings = 400;  // trained for less than the factor reaches
  RopeParameters whole_head = linear_rope(8.0);
  whole_head.kind = RopeKind::kProportional;
  yarn.attention_factor = 1.125;
  yarn.beta_slow = 2.0;
  yarn.mscale = 0.7;
  yarn.mscale_all_dim = 1.5;
  for (const RopeParameters& rope : {plain_rope(),
                                     linear_rope(8.0),
                                     linear_rope(1.5625),
                                     yarn,
                                     llama3,
                                     direct,
                                     proportional,
                                     whole_head,
                                     dynamic,
                                     longrope_rope()}) {
    SCOPED_TRACE(describe_rope(rope));
    Diagnostics diagnostics;
    const RopeReading reading = read_rope(written(rope), diagnostics);
    EXPECT_TRUE(diagnostics.ok()) << errors_of(diagnostics);
    EXPECT_EQ(warnings_of(diagnostics), "");
    EXPECT_EQ(reading.now, rope);
    EXPECT_FALSE(reading.edited());
    EXPECT_FALSE(reading.factor_edited);
  }
}

TEST(WrittenRope, HasOnlyTheKindsOwnKeysInRopeScaling) {
  const Json config = written(linear_rope(8.0));
  EXPECT_EQ(config["rope_scaling"], Json({{"type", "linear"}, {"factor", 8.0}}));
  EXPECT_EQ(config["rope_parameters"],
            Json({{"rope_type", "linear"}, {"rope_theta", 10000.0}, {"factor", 8.0}}));
  EXPECT_EQ(config["rope_theta"], 10000.0);
  EXPECT_EQ(config["pos_scaling_factor"], 8.0);
  EXPECT_EQ(config["max_position_embeddings"], 512);
  EXPECT_EQ(config["ropewalk"]["factor"], 8.0);
  EXPECT_FALSE(written(plain_rope()).contains("rope_scaling"));
}

TEST(WrittenRope, DynamicKeepsLAsTheWindowOfTheFile) {
  const Json config = written(dynamic_rope(8.0));
  EXPECT_EQ(config["max_position_embeddings"], 64);
  EXPECT_EQ(config["rope_scaling"], Json({{"rope_type", "dynamic"}, {"factor", 8.0}}));
  EXPECT_EQ(config["ropewalk"]["max_position_embeddings"], 512);
  EXPECT_THAT(foreign_reader_remarks(config).front(), HasSubstr("stays 64"));
}

TEST(WrittenRope, LengthsAreWholeNumbers) {
  for (const RopeParameters& rope : {linear_rope(1.5625), dynamic_rope(1.5), yarn_rope()}) {
    const Json config = written(rope);
    EXPECT_TRUE(config["max_position_embeddings"].is_number_integer());
    EXPECT_TRUE(config["ropewalk"]["original_max_position_embeddings"].is_number_integer());
  }
}

TEST(WrittenRope, OlderReadersOfYarnAreWarnedOf) {
  EXPECT_THAT(foreign_reader_remarks(written(yarn_rope())).front(), HasSubstr("ramp"));
  EXPECT_TRUE(foreign_reader_remarks(written(linear_rope(8.0))).empty());
}

TEST(WrittenRope, ShareOfTheHeadGivesTheSameDimensionsAfterTruncation) {
  for (int64_t head_dim = 2; head_dim <= 256; ++head_dim) {
    for (int64_t dims = 2; dims <= head_dim; dims += 2) {
      RopeParameters rope = plain_rope(64, dims);
      rope.head_dim = head_dim;
      const Json config = written(rope);
      if (dims == head_dim) continue;
      const double share = config["rope_parameters"]["partial_rotary_factor"].get<double>();
      ASSERT_EQ(static_cast<int64_t>(static_cast<double>(head_dim) * share), dims) << head_dim;
    }
  }
}

TEST(WrittenRope, ShareThatTheFileHadStaysAsItWas) {
  Json config = {{"partial_rotary_factor", 0.41}, {"rope_theta", 10000.0}};
  RopeParameters rope = plain_rope(64, 32);
  rope.head_dim = 80;
  write_hf_rope(rope, config);
  EXPECT_EQ(config["partial_rotary_factor"], 0.41);
  EXPECT_EQ(config["rope_parameters"]["partial_rotary_factor"], 0.41);
}

TEST(WrittenRope, ReplacesOlderStatements) {
  Json config = parse_json(R"({"rope_scaling": {"type": "linear", "factor": 2},
      "rope_theta": 500000, "original_max_position_embeddings": 4096,
      "pos_scaling_type": "linear"})",
                           "config.json");
  write_hf_rope(plain_rope(), config);
  EXPECT_FALSE(config.contains("rope_scaling"));
  EXPECT_FALSE(config.contains("original_max_position_embeddings"));
  EXPECT_FALSE(config.contains("pos_scaling_type"));
  EXPECT_EQ(config["rope_theta"], 10000.0);
}

TEST(EditedByHand, ForeignConfigWithWindowAndFactorIsAnExtension) {
  Diagnostics diagnostics;
  const RopeReading reading = read_rope(
      R"({"max_position_embeddings": 512, "pos_scaling_factor": 8.0, "rope_theta": 10000.0})",
      diagnostics);
  EXPECT_TRUE(diagnostics.ok()) << errors_of(diagnostics);
  EXPECT_EQ(reading.now, linear_rope(8.0));
  EXPECT_EQ(reading.trained, plain_rope());
  EXPECT_TRUE(reading.factor_edited);
  EXPECT_THAT(warnings_of(diagnostics), HasSubstr("pre-trained with 64 positions"));
}

TEST(EditedByHand, OnlyTheFactorOfOurCheckpointWinsAndSaysSo) {
  Json config = written(linear_rope(4.0));
  config["pos_scaling_factor"] = 8.0;
  config["max_position_embeddings"] = 512;
  Diagnostics diagnostics;
  const RopeReading reading = read_rope(config, diagnostics);
  EXPECT_TRUE(diagnostics.ok()) << errors_of(diagnostics);
  EXPECT_EQ(reading.now, linear_rope(8.0));
  EXPECT_EQ(reading.trained, linear_rope(4.0));
  EXPECT_TRUE(reading.factor_edited);
  EXPECT_THAT(warnings_of(diagnostics), HasSubstr("it wins over them"));
  EXPECT_THAT(warnings_of(diagnostics), HasSubstr("max_position_embeddings 256 -> 512"));
}

TEST(EditedByHand, FactorAndFieldsThatDisagreeWithoutIdentityAreAnError) {
  Diagnostics diagnostics;
  read_rope(R"({"max_position_embeddings": 512, "pos_scaling_factor": 8.0,
      "rope_scaling": {"type": "linear", "factor": 2.0}})",
            diagnostics);
  EXPECT_THAT(errors_of(diagnostics), HasSubstr("pos_scaling_factor: found 8"));
  EXPECT_THAT(errors_of(diagnostics), HasSubstr("rope_scaling says linear with factor 2"));
}

TEST(EditedByHand, FieldsAndFactorEditedDifferentlyAreAnErrorNamingBoth) {
  Json config = written(linear_rope(4.0));
  config["pos_scaling_factor"] = 8.0;
  config["rope_scaling"]["factor"] = 16.0;
  Diagnostics diagnostics;
  read_rope(config, diagnostics);
  EXPECT_THAT(errors_of(diagnostics), HasSubstr("found 8"));
  EXPECT_THAT(errors_of(diagnostics), HasSubstr("factor 16"));
  EXPECT_THAT(errors_of(diagnostics), HasSubstr("identity says linear with factor 4"));
}

TEST(EditedByHand, OnlyTheFieldsOfOurCheckpointAreAnError) {
  Json config = written(linear_rope(4.0));
  config["rope_scaling"]["factor"] = 16.0;
  Diagnostics diagnostics;
  read_rope(config, diagnostics);
  EXPECT_FALSE(diagnostics.ok());
}

TEST(EditedByHand, AllPlacesEditedAlikeAreTakenAndSaid) {
  Json config = written(linear_rope(4.0));
  config["pos_scaling_factor"] = 8.0;
  config["rope_scaling"]["factor"] = 8.0;
  config["rope_parameters"]["factor"] = 8.0;
  config["max_position_embeddings"] = 512;
  Diagnostics diagnostics;
  const RopeReading reading = read_rope(config, diagnostics);
  EXPECT_TRUE(diagnostics.ok()) << errors_of(diagnostics);
  EXPECT_EQ(reading.now, linear_rope(8.0));
  EXPECT_EQ(reading.trained, linear_rope(4.0));
  EXPECT_THAT(warnings_of(diagnostics), HasSubstr("factor 4 -> 8"));
}

TEST(EditedByHand, FactorOnNativeScalingIsRefused) {
  RopeParameters llama3 = llama3_rope();
  llama3.head_dim = llama3.rotary_dims = 32;
  Json config = written(llama3);
  config["pos_scaling_factor"] = 16.0;
  Diagnostics diagnostics;
  read_rope(config, diagnostics);
  EXPECT_THAT(errors_of(diagnostics), HasSubstr("on top of a model's own llama3 scaling"));
}

TEST(EditedByHand, RaisedWindowOfADynamicCheckpointIsRefused) {
  Json config = written(dynamic_rope(8.0));
  config["max_position_embeddings"] = 1024;
  Diagnostics diagnostics;
  read_rope(config, diagnostics);
  EXPECT_THAT(errors_of(diagnostics), HasSubstr("scaling would not begin where the model needs"));
}

TEST(EditedByHand, ChangedExtrasAreSaid) {
  RopeParameters yarn = yarn_rope();
  yarn.head_dim = yarn.rotary_dims = 32;
  Json config = written(yarn);
  config["rope_scaling"]["beta_fast"] = 8.0;
  Diagnostics diagnostics;
  read_rope(config, diagnostics);
  EXPECT_TRUE(diagnostics.ok()) << errors_of(diagnostics);
  EXPECT_THAT(warnings_of(diagnostics), HasSubstr("give other frequencies than the stored"));
}

TEST(EditedByHand, OriginalOfOurCheckpointSurvivesALongerWindow) {
  Json config = written(linear_rope(8.0));
  config["max_position_embeddings"] = 1024;
  Diagnostics diagnostics;
  const RopeReading reading = read_rope(config, diagnostics);
  EXPECT_EQ(reading.now.original_max_position_embeddings, 64);
  EXPECT_EQ(reading.now.factor, 8.0);
  EXPECT_TRUE(reading.edited());
}

}  // namespace
}  // namespace ropewalk

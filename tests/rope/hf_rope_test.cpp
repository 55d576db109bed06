#include "ropewalk/rope/hf_rope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rope/rope_test_tools.h"

namespace ropewalk {
namespace {

using ::testing::HasSubstr;

RopeParameters read_ok(const std::string& text) {
  Diagnostics diagnostics;
  const RopeReading reading = read_rope(text, diagnostics);
  EXPECT_TRUE(diagnostics.ok()) << errors_of(diagnostics);
  return reading.now;
}

std::string read_errors(const std::string& text) {
  Diagnostics diagnostics;
  read_rope(text, diagnostics);
  return errors_of(diagnostics);
}

std::string read_warnings(const std::string& text) {
  Diagnostics diagnostics;
  read_rope(text, diagnostics);
  EXPECT_TRUE(diagnostics.ok()) << errors_of(diagnostics);
  return warnings_of(diagnostics);
}

TEST(HfRope, EveryGenerationOfFieldsReadsTheSame) {
  const RopeParameters expected = linear_rope(8.0);
  for (const char* fields : {
           R"("rope_scaling": {"type": "linear", "factor": 8}, "rope_theta": 10000)",
           R"("rope_scaling": {"rope_type": "linear", "factor": 8.0})",
           R"("rope_scaling": {"type": "linear", "rope_type": "linear", "factor": 8.0})",
           R"("rope_parameters": {"rope_type": "linear", "factor": 8.0, "rope_theta": 10000.0})",
           R"("rope_parameters": {"rope_type": "linear", "factor": 8.0}, "rope_theta": 1e4)",
           R"("rope_scaling": null,
              "rope_parameters": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e4})",
           R"("rope_parameters": {"full_attention":
              {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e4}})",
       }) {
    const std::string text = "{\"max_position_embeddings\": 512, " + std::string(fields) + "}";
    EXPECT_EQ(read_ok(text), expected) << text;
  }
}

TEST(HfRope, NoFieldsMeanTheDefaultKind) {
  EXPECT_EQ(read_ok(R"({"max_position_embeddings": 64})"), plain_rope());
  EXPECT_EQ(read_ok(R"({"max_position_embeddings": 64, "rope_scaling": null})"), plain_rope());
}

TEST(HfRope, OriginalOfLinearIsTheExtendedLengthDividedByTheFactor) {
  const RopeParameters rope = read_ok(
      R"({"max_position_embeddings": 32768, "rope_scaling": {"type": "linear", "factor": 8}})");
  EXPECT_EQ(rope.original_max_position_embeddings, 4096);
  EXPECT_EQ(rope.max_position_embeddings, 32768);
}

TEST(HfRope, InferredOriginalIsSaid) {
  EXPECT_THAT(
      read_warnings(
          R"({"max_position_embeddings": 512, "rope_scaling": {"type": "linear", "factor": 8}})"),
      HasSubstr("pre-training context as 64"));
}

TEST(HfRope, StatedOriginalWinsOverTheInferred) {
  for (const char* text :
       {R"({"max_position_embeddings": 512, "original_max_position_embeddings": 128,
           "rope_scaling": {"type": "linear", "factor": 8}})",
        R"({"max_position_embeddings": 512,
           "rope_scaling": {"type": "linear", "factor": 8,
                            "original_max_position_embeddings": 128}})"}) {
    EXPECT_EQ(read_ok(text).original_max_position_embeddings, 128);
  }
}

TEST(HfRope, RopeScalingWinsOverRopeParametersAndSaysSo) {
  const std::string text = R"({"max_position_embeddings": 512, "rope_theta": 10000,
      "rope_scaling": {"type": "linear", "factor": 8},
      "rope_parameters": {"rope_type": "linear", "factor": 2, "rope_theta": 10000}})";
  EXPECT_EQ(read_ok(text), linear_rope(8.0));
  EXPECT_THAT(read_warnings(text), HasSubstr("rope_scaling is taken"));
}

TEST(HfRope, ThetaOfTheObjectWinsOverTheTopLevelAndSaysSo) {
  const std::string text = R"({"max_position_embeddings": 64, "rope_theta": 500000,
      "rope_parameters": {"rope_type": "default", "rope_theta": 10000}})";
  EXPECT_EQ(read_ok(text).theta, 10000.0);
  EXPECT_THAT(read_warnings(text), HasSubstr("500000 at top level"));
}

TEST(HfRope, ThetaThatTransformersWouldLoseIsAnError) {
  EXPECT_THAT(read_errors(R"({"max_position_embeddings": 512,
      "rope_scaling": {"type": "linear", "factor": 8},
      "rope_parameters": {"rope_type": "default", "rope_theta": 500000}})"),
              HasSubstr("transformers would fall back to 10000"));
}

TEST(HfRope, TopLevelOriginalOverridesTheOneOfYarn) {
  const std::string text = R"({"max_position_embeddings": 512,
      "original_max_position_embeddings": 128, "rope_parameters": {"rope_type": "yarn",
      "factor": 4, "original_max_position_embeddings": 64, "rope_theta": 10000}})";
  EXPECT_EQ(read_ok(text).original_max_position_embeddings, 128);
  EXPECT_THAT(read_warnings(text), HasSubstr("top level is taken"));
}

TEST(HfRope, MissingOriginalOfYarnIsTheWindowAndSaysSo) {
  const std::string text = R"({"max_position_embeddings": 512,
      "rope_parameters": {"rope_type": "yarn", "factor": 4, "rope_theta": 10000}})";
  EXPECT_EQ(read_ok(text).original_max_position_embeddings, 512);
  EXPECT_THAT(read_warnings(text), HasSubstr("is taken for it"));
}

TEST(HfRope, YarnWithNullFactorUsesTheRatioOfLengths) {
  const RopeParameters rope = read_ok(R"({"max_position_embeddings": 512,
      "rope_parameters": {"rope_type": "yarn", "factor": null,
      "original_max_position_embeddings": 64, "rope_theta": 10000}})");
  EXPECT_EQ(rope.factor, 8.0);
}

TEST(HfRope, LengthsWrittenAsFloatsAreRead) {
  EXPECT_EQ(read_ok(R"({"max_position_embeddings": 512, "original_max_position_embeddings": 64.0,
      "rope_scaling": {"type": "linear", "factor": 8}})"),
            linear_rope(8.0));
}

TEST(HfRope, BadFactorsAreRefusedWithTheDirection) {
  for (const char* factor : {"0.5", "-1", "0", "\"16\"", "true", "[8]"}) {
    const std::string text =
        R"({"max_position_embeddings": 512, "rope_scaling": {"type": "linear", "factor": )" +
        std::string(factor) + "}}";
    EXPECT_THAT(read_errors(text), HasSubstr("rope_scaling.factor")) << factor;
    const std::string own =
        R"({"max_position_embeddings": 512, "pos_scaling_factor": )" + std::string(factor) + "}";
    EXPECT_THAT(read_errors(own), HasSubstr("pos_scaling_factor")) << factor;
  }
  EXPECT_THAT(read_errors(R"({"pos_scaling_factor": 0.25})"), HasSubstr("write 4, not 0.25"));
  EXPECT_THAT(read_errors(R"({"rope_scaling": {"type": "linear"}})"), HasSubstr("is missing"));
}

TEST(HfRope, FieldsThatAreNotUnderstoodAreErrors) {
  EXPECT_THAT(read_errors(R"({"rope_scaling": {"type": "linear", "factor": 8, "fctor": 2}})"),
              HasSubstr("did you mean \"factor\""));
  EXPECT_THAT(read_errors(R"({"rope_scaling": {"type": "linera", "factor": 8}})"),
              HasSubstr("did you mean \"linear\""));
  EXPECT_THAT(read_errors(R"({"rope_scaling": {"factor": 8}})"),
              HasSubstr("rope_scaling.rope_type: is missing"));
  EXPECT_THAT(
      read_errors(R"({"rope_scaling": {"type": "linear", "rope_type": "yarn", "factor": 8}})"),
      HasSubstr("keep one of them"));
  EXPECT_THAT(read_errors(R"({"rope_scaling": "linear"})"), HasSubstr("expected an object"));
  EXPECT_THAT(read_errors(R"({"rope_parameters": {"rope_type": "default", "mrope_section": [1]}})"),
              HasSubstr("mrope_section"));
}

TEST(HfRope, FieldOfAnotherKindIsIgnoredAloud) {
  EXPECT_THAT(read_warnings(R"({"max_position_embeddings": 512,
      "rope_scaling": {"type": "linear", "factor": 8, "beta_fast": 32}})"),
              HasSubstr("does not belong to kind linear"));
}

TEST(HfRope, KindsOfOtherModelsAreRefusedByName) {
  for (const char* kind : {"axial", "mrope", "ntk"}) {
    EXPECT_THAT(
        read_errors(R"({"rope_scaling": {"factor": 2, "type": ")" + std::string(kind) + "\"}}"),
        HasSubstr("\"" + std::string(kind) + "\"; expected one of default, linear, dynamic"));
  }
}

TEST(HfRope, DifferentParametersPerLayerTypeAreRefused) {
  EXPECT_THAT(read_errors(R"({"rope_parameters": {
      "full_attention": {"rope_type": "linear", "factor": 8, "rope_theta": 1e4},
      "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}})"),
              HasSubstr("differs per layer type"));
}

TEST(HfRope, PartialRotaryIsRefusedWhereTheFamilyHasNone) {
  EXPECT_THAT(read_errors(R"({"partial_rotary_factor": 0.5})"), HasSubstr("turns whole heads"));
  EXPECT_THAT(read_errors(R"({"rope_parameters": {"rope_type": "default", "rope_theta": 1e4,
      "partial_rotary_factor": 0.25}})"),
              HasSubstr("rope_parameters.partial_rotary_factor"));
}

TEST(HfRope, Llama3NeedsAllItsFields) {
  const std::string errors = read_errors(R"({"max_position_embeddings": 512,
      "rope_scaling": {"rope_type": "llama3", "original_max_position_embeddings": 64}})");
  EXPECT_THAT(errors, HasSubstr("low_freq_factor"));
  EXPECT_THAT(errors, HasSubstr("high_freq_factor"));
  EXPECT_THAT(errors, HasSubstr("rope_scaling.factor"));
}

}  // namespace
}  // namespace ropewalk

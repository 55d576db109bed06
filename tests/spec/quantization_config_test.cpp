#include "spec/quantization_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spec/spec_test_tools.h"

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// As DeepSeek-V3 is published.
Json fp8_fields() {
  return {{"activation_scheme", "dynamic"},
          {"fmt", "e4m3"},
          {"quant_method", "fp8"},
          {"weight_block_size", {128, 128}}};
}

Json with_quantization(const Json& fields) {
  Json config = small_config();
  config["quantization_config"] = fields;
  return config;
}

std::string quantization_errors(const Json& fields) {
  return spec_errors(with_quantization(fields));
}

TEST(QuantizationConfig, AbsentAndNullMeanPlainWeights) {
  Diagnostics diagnostics;
  EXPECT_FALSE(read_spec(small_config(), diagnostics).quantization);
  EXPECT_FALSE(read_spec(with_quantization(nullptr), diagnostics).quantization);
  EXPECT_THAT(errors_of(diagnostics) + warnings_of(diagnostics), IsEmpty());
}

TEST(QuantizationConfig, Fp8BlocksAreReadForAnyFamilyWithARemark) {
  Json fields = fp8_fields();
  fields["weight_block_size"] = {64, 32};
  fields["modules_to_not_convert"] = {"lm_head"};
  fields["scale_fmt"] = "ue8m0";
  fields["dequantize"] = false;
  Diagnostics diagnostics;
  const auto found = read_spec(with_quantization(fields), diagnostics).quantization;
  EXPECT_THAT(errors_of(diagnostics), IsEmpty());
  EXPECT_THAT(warnings_of(diagnostics),
              AllOf(HasSubstr("quantization_config"), HasSubstr("FP8 in blocks of 64 x 32")));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->method, QuantizationMethod::kFp8);
  EXPECT_EQ(found->block_rows, 64);
  EXPECT_EQ(found->block_columns, 32);
}

TEST(QuantizationConfig, Mxfp4IsReadForGptOssAlone) {
  const Json fields = {{"quant_method", "mxfp4"},
                       {"modules_to_not_convert", {"model.layers.*.self_attn", "lm_head"}}};
  Diagnostics diagnostics;
  const Json config = {{"model_type", "gpt_oss"}, {"quantization_config", fields}};
  const auto found = find_family("gpt_oss", "test").from_hf(config, diagnostics).quantization;
  EXPECT_THAT(errors_of(diagnostics), IsEmpty());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->method, QuantizationMethod::kMxfp4);
  EXPECT_THAT(quantization_errors(fields),
              HasSubstr("quantization_config.quant_method: found \"mxfp4\"; read are"));
}

TEST(QuantizationConfig, OtherMethodsAreRefusedWithTheWayOut) {
  for (const char* method : {"gptq", "awq", "bitsandbytes", "compressed-tensors", "fbgemm_fp8"}) {
    EXPECT_THAT(
        quantization_errors({{"quant_method", method}, {"bits", 4}}),
        AllOf(HasSubstr("quantization_config.quant_method: found \"" + std::string(method) + "\""),
              HasSubstr("\"mxfp4\""),
              HasSubstr("\"fp8\""),
              HasSubstr("dequantize()")));
  }
  EXPECT_THAT(quantization_errors({{"load_in_4bit", true}}),
              HasSubstr("quantization_config.quant_method: is missing"));
  EXPECT_THAT(quantization_errors({{"quant_method", 8}}), HasSubstr("expected a string"));
  EXPECT_THAT(quantization_errors("fp8"), HasSubstr("expected an object"));
}

TEST(QuantizationConfig, FieldsThatChangeTheValuesAreAllRefusedAtOnce) {
  Json fields = fp8_fields();
  fields["fmt"] = "e5m2";
  fields["activation_scheme"] = "static";
  fields["store_dtype"] = "mxfp4";
  fields["weight_block_size"] = {128, 0};
  EXPECT_THAT(quantization_errors(fields),
              AllOf(HasSubstr("quantization_config.fmt: found \"e5m2\""),
                    HasSubstr("quantization_config.activation_scheme: found \"static\""),
                    HasSubstr("quantization_config.store_dtype: is not a field"),
                    HasSubstr("quantization_config.weight_block_size: found [128,0]")));
  fields = fp8_fields();
  fields.erase("weight_block_size");
  EXPECT_THAT(quantization_errors(fields),
              HasSubstr("quantization_config.weight_block_size: is missing"));
}

TEST(QuantizationConfig, WrittenConfigsAreThoseOfPlainWeights) {
  const Json mxfp4 = {{"model_type", "gpt_oss"},
                      {"quantization_config", {{"quant_method", "mxfp4"}}}};
  for (const Json& config : {with_quantization(fp8_fields()), mxfp4}) {
    const Family& family = find_family(config.at("model_type"), "test");
    Diagnostics diagnostics;
    const DecoderSpec spec = family.from_hf(config, diagnostics).spec;
    EXPECT_THAT(errors_of(diagnostics), IsEmpty());
    EXPECT_FALSE(family.to_hf(spec, config).contains("quantization_config"));
  }
}

TEST(QuantizationConfig, LoadedModelsCarryIt) {
  const ModelDirectory directory(with_quantization(fp8_fields()));
  Diagnostics remarks;
  const HfModel model = load_hf_model(directory.path(), &remarks);
  ASSERT_TRUE(model.quantization);
  EXPECT_EQ(describe_quantization(*model.quantization), "FP8 in blocks of 128 x 128");
  EXPECT_THAT(warnings_of(remarks), HasSubstr("dequantised"));
}

}  // namespace
}  // namespace ropewalk

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ropewalk/base/errors.h"
#include "spec/spec_test_tools.h"

namespace ropewalk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Llama, ReadsEveryFieldOfAConfig) {
  Diagnostics diagnostics;
  const DecoderSpec spec = read_spec(small_config(), diagnostics).spec;
  EXPECT_THAT(errors_of(diagnostics) + warnings_of(diagnostics), IsEmpty());
  EXPECT_EQ(spec.vocab_size, 97);
  EXPECT_EQ(spec.hidden_size, 48);
  EXPECT_EQ(spec.intermediate_size, 80);
  EXPECT_EQ(spec.num_layers, 2);
  EXPECT_EQ(spec.num_heads, 6);
  EXPECT_EQ(spec.num_kv_heads, 2);
  EXPECT_EQ(spec.head_dim, 10);
  EXPECT_EQ(spec.norm.eps, 1e-5);
  EXPECT_FALSE(spec.tied_embeddings);
  EXPECT_EQ(spec.bos_token_id, 1);
  EXPECT_THAT(spec.eos_token_ids, ElementsAre(2));
  EXPECT_EQ(spec.rope.rotary_dims, 10);
  EXPECT_EQ(spec.rope.max_position_embeddings, 64);
}

TEST(Llama, MissingFieldsHaveTransformersDefaults) {
  Diagnostics diagnostics;
  const DecoderSpec spec = read_spec({{"model_type", "llama"}}, diagnostics).spec;
  EXPECT_THAT(errors_of(diagnostics), IsEmpty());
  EXPECT_EQ(spec.vocab_size, 32000);
  EXPECT_EQ(spec.hidden_size, 4096);
  EXPECT_EQ(spec.intermediate_size, 11008);
  EXPECT_EQ(spec.num_layers, 32);
  EXPECT_EQ(spec.num_heads, 32);
  EXPECT_EQ(spec.num_kv_heads, 32);
  EXPECT_EQ(spec.head_dim, 128);
  EXPECT_EQ(spec.norm.eps, 1e-6);
  EXPECT_FALSE(spec.tied_embeddings);
  EXPECT_FALSE(spec.qkv_bias);
  EXPECT_EQ(spec.rope.theta, 10000.0);
  EXPECT_EQ(spec.rope.max_position_embeddings, 2048);
  EXPECT_EQ(spec.bos_token_id, 1);
  EXPECT_THAT(spec.eos_token_ids, ElementsAre(2));
}

TEST(Llama, TokenIdsMayBeListsOrAbsent) {
  Json config = small_config();
  config["eos_token_id"] = {5, 6};
  config["bos_token_id"] = nullptr;
  Diagnostics diagnostics;
  const DecoderSpec spec = read_spec(config, diagnostics).spec;
  EXPECT_THAT(spec.eos_token_ids, ElementsAre(5, 6));
  EXPECT_FALSE(spec.bos_token_id.has_value());
  config["eos_token_id"] = "two";
  EXPECT_THAT(spec_errors(config), HasSubstr("eos_token_id"));
}

TEST(Llama, DropoutIsCarriedNeverIgnored) {
  Json config = small_config();
  config["attention_dropout"] = 0.1;
  Diagnostics diagnostics;
  EXPECT_THAT(read_spec(config, diagnostics).spec.dropouts,
              ElementsAre(std::pair<std::string, double>("attention_dropout", 0.1)));
  config["attention_dropout"] = 1.5;
  EXPECT_THAT(spec_errors(config), HasSubstr("attention_dropout"));
}

TEST(Llama, FieldThatIsNotUnderstoodIsAnError) {
  Json config = small_config();
  config["logit_softcapping"] = 30.0;
  config["hiden_size"] = 48;
  const std::string errors = spec_errors(config);
  EXPECT_THAT(errors, HasSubstr("logit_softcapping: is not a field"));
  EXPECT_THAT(errors, HasSubstr("did you mean \"hidden_size\""));
}

TEST(Llama, InertFieldsAreAccepted) {
  Json config = small_config();
  config["_name_or_path"] = "somewhere";
  config["is_llama_config"] = true;
  config["rope_interleaved"] = false;
  config["sliding_window"] = nullptr;
  config["torch_dtype"] = "bfloat16";
  config["temperature"] = 0.6;
  config["layer_types"] = {"full_attention", "full_attention"};
  EXPECT_THAT(spec_errors(config), IsEmpty());
}

TEST(Llama, FieldsThatWouldChangeTheArithmeticAreRefused) {
  const std::vector<std::pair<const char*, Json>> cases = {
      {"sliding_window", 128},
      {"rope_interleaved", true},
      {"hidden_act", "tanh"},
      {"pruned_heads", {{"0", {1}}}},
      {"is_encoder_decoder", true},
      {"partial_rotary_factor", 0.5},
      {"layer_types", {"full_attention", "sliding_attention"}},
      {"quantization_config", {{"quant_method", "gptq"}}},
  };
  for (const auto& [key, value] : cases) {
    Json config = small_config();
    config[key] = value;
    EXPECT_THAT(spec_errors(config), HasSubstr(key));
  }
}

TEST(Llama, ImpossibleSizesAreAllReportedAtOnce) {
  Json config = small_config();
  config["num_key_value_heads"] = 4;
  config["head_dim"] = 9;
  config["vocab_size"] = "many";
  config["num_hidden_layers"] = 0;
  const std::string errors = spec_errors(config);
  EXPECT_THAT(errors, HasSubstr("num_key_value_heads: found 4"));
  EXPECT_THAT(errors, HasSubstr("head_dim: found 9"));
  EXPECT_THAT(errors, HasSubstr("vocab_size: found \"many\""));
  EXPECT_THAT(errors, HasSubstr("num_hidden_layers: found 0"));
}

TEST(Llama, SpecSurvivesWritingAndReading) {
  Json config = small_config();
  config["tie_word_embeddings"] = true;
  config["attention_bias"] = true;
  config["mlp_bias"] = true;
  config["eos_token_id"] = {2, 3};
  config["bos_token_id"] = nullptr;
  const Family& family = find_family("llama", "test");
  Diagnostics diagnostics;
  const DecoderSpec spec = family.from_hf(config, diagnostics).spec;
  for (const Json& original : {Json::object(), config}) {
    const DecoderSpec again = family.from_hf(family.to_hf(spec, original), diagnostics).spec;
    EXPECT_EQ(again, spec);
  }
  EXPECT_THAT(errors_of(diagnostics) + warnings_of(diagnostics), IsEmpty());
  EXPECT_EQ(family.to_hf(spec, config)["transformers_version"], "5.23.0");
}

TEST(Families, NonRotaryModelsAreRefusedWithTheReason) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"gpt2", "learned"},
      {"opt", "learned"},
      {"gpt_bigcode", "learned"},
      {"bloom", "ALiBi"},
      {"mpt", "ALiBi"},
      {"bert", "encoder"},
      {"t5", "encoder-decoder"},
      {"mamba", "recurrent"},
      {"llama4", "not supported"},
  };
  for (const auto& [type, reason] : cases) {
    try {
      find_family(type, "config.json");
      ADD_FAILURE() << type;
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr(std::string("model_type \"") + type + "\""));
      EXPECT_THAT(error.what(), HasSubstr(reason));
      EXPECT_THAT(error.what(), HasSubstr("known model types: llama"));
    }
  }
}

TEST(Families, UnknownTypeIsRefusedWithTheNearest) {
  try {
    find_family("lama", "config.json");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("it is not known"));
    EXPECT_THAT(error.what(), HasSubstr("did you mean \"llama\""));
  }
}

}  // namespace
}  // namespace ropewalk

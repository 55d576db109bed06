#include "ropewalk/spec/hf_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/formats/manifest.h"
#include "ropewalk/rope/identity.h"
#include "ropewalk/spec/model_config.h"
#include "spec/spec_test_tools.h"

namespace ropewalk {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string load_error(const std::filesystem::path& path) {
  try {
    load_hf_model(path);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

ModelConfig extension(int64_t window, std::optional<double> factor) {
  ModelConfig model;
  model.max_position_embeddings = window;
  model.pos_scaling_factor = factor;
  return model;
}

// What a run that ends here would write as config.json.
Json trained_config(const Json& config, const ModelConfig& model) {
  const ModelDirectory directory(config);
  Diagnostics diagnostics;
  const HfModel resolved = apply_model_config(load_hf_model(directory.path()), model, diagnostics);
  EXPECT_THAT(errors_of(diagnostics), IsEmpty());
  return resolved.config;
}

TEST(HfModel, LoadsDirectoryOrConfigFile) {
  const ModelDirectory directory(small_config());
  for (const auto& path : {directory.path(), directory.path() / "config.json"}) {
    const HfModel model = load_hf_model(path);
    EXPECT_EQ(model.path, directory.path());
    EXPECT_EQ(model.spec.hidden_size, 48);
    EXPECT_EQ(model.trained_rope, model.spec.rope);
  }
}

TEST(HfModel, MissingPiecesAreNamed) {
  EXPECT_THAT(load_error("/nonexistent/model"), HasSubstr("no such model directory"));
  const ModelDirectory directory(Json::object());
  EXPECT_THAT(load_error(directory.path()), HasSubstr("model_type is missing"));
  directory.write_text("[1]");
  EXPECT_THAT(load_error(directory.path()), HasSubstr("expected a JSON object"));
  directory.write_text("{\"model_type\": \"llama\", \"model_type\": \"llama\"}");
  EXPECT_THAT(load_error(directory.path()), HasSubstr("model_type"));
  std::filesystem::remove(directory.path() / "config.json");
  EXPECT_THAT(load_error(directory.path()), HasSubstr("has no config.json"));
  std::filesystem::create_directory(directory.path() / "checkpoints");
  EXPECT_THAT(load_error(directory.path()), HasSubstr("run directory"));
}

TEST(HfModel, PicklesAreNotOpened) {
  const TemporaryFolder folder;
  for (const char* name : {"old.bin", "model.pt", "model.pth", "last.ckpt"}) {
    EXPECT_THAT(load_error(folder.put(name, "{}")),
                ::testing::AllOf(HasSubstr(name), HasSubstr("save_pretrained")));
  }
}

TEST(HfModel, EveryFaultOfAConfigIsReportedWithItsPath) {
  Json config = small_config();
  config["hidden_act"] = "mish";
  config["pos_scaling_factor"] = 0.5;
  const ModelDirectory directory(config);
  const std::string error = load_error(directory.path());
  EXPECT_THAT(error, HasSubstr((directory.path() / "config.json").string()));
  EXPECT_THAT(error, HasSubstr("hidden_act"));
  EXPECT_THAT(error, HasSubstr("pos_scaling_factor"));
}

TEST(HfModel, NumbersThatJsonCannotHoldAreRefused) {
  const ModelDirectory directory(small_config());
  for (const char* factor : {"NaN", "1e400", "Infinity"}) {
    directory.write_text(
        "{\"model_type\": \"llama\", \"pos_scaling_factor\": " + std::string(factor) + "}");
    EXPECT_THAT(load_error(directory.path()), Not(IsEmpty())) << factor;
  }
}

TEST(ApplyModelConfig, WritesEveryRopeField) {
  const Json config = trained_config(small_config(), extension(512, 8.0));
  EXPECT_EQ(config["max_position_embeddings"], 512);
  EXPECT_EQ(config["pos_scaling_factor"], 8.0);
  EXPECT_EQ(config["rope_theta"], 10000.0);
  EXPECT_EQ(config["rope_scaling"], Json({{"type", "linear"}, {"factor", 8.0}}));
  EXPECT_EQ(config["rope_parameters"]["factor"], 8.0);
  EXPECT_EQ(config["ropewalk"]["original_max_position_embeddings"], 64);
  EXPECT_EQ(config["vocab_size"], 97);
  EXPECT_EQ(config["transformers_version"], "5.23.0");
}

TEST(ApplyModelConfig, ReExtensionByTwoThenFourEqualsEight) {
  const Json direct = trained_config(small_config(), extension(512, 8.0));
  const Json twice = trained_config(small_config(), extension(128, 2.0));
  EXPECT_EQ(trained_config(twice, extension(512, 8.0)), direct);
}

TEST(ApplyModelConfig, ComparisonSaysWhatTheRunDoesToPositions) {
  const ModelDirectory directory(trained_config(small_config(), extension(128, 2.0)));
  const HfModel base = load_hf_model(directory.path());
  Diagnostics diagnostics;
  const auto same = compare_with_trained(apply_model_config(base, {}, diagnostics));
  EXPECT_EQ(same.match, IdentityMatch::kSame);
  const auto extended =
      compare_with_trained(apply_model_config(base, extension(512, 8.0), diagnostics));
  EXPECT_EQ(extended.match, IdentityMatch::kExtension);
  EXPECT_EQ(extended.ratio, 4.0);
}

TEST(ApplyModelConfig, EditOfAnExtraIsAnotherModelEvenWhereKindAndFactorAreAsTrained) {
  ModelConfig yarn = extension(512, 8.0);
  yarn.pos_scaling_type = "yarn";
  ModelConfig llama3 = extension(512, 8.0);
  llama3.pos_scaling_type = "llama3";
  const std::vector<std::tuple<ModelConfig, const char*, double>> edits = {
      {yarn, "beta_slow", 0.25}, {yarn, "attention_factor", 1.0}, {llama3, "low_freq_factor", 2.0}};
  for (const auto& [model, key, value] : edits) {
    Json config = trained_config(small_config(), model);
    const ModelDirectory directory(config);
    write_manifest(directory.path());
    EXPECT_EQ(compare_with_trained(load_hf_model(directory.path())).match, IdentityMatch::kSame);
    config["rope_parameters"][key] = value;
    config["rope_scaling"][key] = value;
    directory.write(config);
    const HfModel edited = load_hf_model(directory.path());
    EXPECT_EQ(compare_with_trained(edited).match, IdentityMatch::kDifferent) << key;
    EXPECT_THAT(describe_edits(edited), HasSubstr("other frequencies")) << key;
  }
}

TEST(ApplyModelConfig, BothWaysOfSayingItAreTheSame) {
  Json edited = small_config();
  edited["max_position_embeddings"] = 512;
  edited["pos_scaling_factor"] = 8.0;
  EXPECT_EQ(trained_config(edited, {})["ropewalk"],
            trained_config(small_config(), extension(512, 8.0))["ropewalk"]);

  Json again = trained_config(small_config(), extension(128, 2.0));
  again["max_position_embeddings"] = 512;
  again["pos_scaling_factor"] = 8.0;
  EXPECT_EQ(trained_config(again, {})["rope_scaling"]["factor"], 8.0);
}

TEST(ApplyModelConfig, FactorEditedByHandThatDoesNotReachIsExplained) {
  Json config = trained_config(small_config(), extension(128, 2.0));
  config["max_position_embeddings"] = 512;
  config["pos_scaling_factor"] = 4.0;
  const ModelDirectory directory(config);
  Diagnostics diagnostics;
  apply_model_config(load_hf_model(directory.path()), {}, diagnostics);
  EXPECT_THAT(errors_of(diagnostics), HasSubstr("config.json: pos_scaling_factor: "));
  EXPECT_THAT(errors_of(diagnostics), HasSubstr("expected at least 8"));
  EXPECT_THAT(errors_of(diagnostics), HasSubstr("already has 2"));
}

TEST(ApplyModelConfig, WindowEditedByHandAloneTellsTheFactor) {
  Json config = trained_config(small_config(), {});
  config["max_position_embeddings"] = 512;
  const ModelDirectory directory(config);
  Diagnostics diagnostics;
  apply_model_config(load_hf_model(directory.path()), {}, diagnostics);
  EXPECT_THAT(errors_of(diagnostics), HasSubstr("write pos_scaling_factor 8"));
}

TEST(ApplyModelConfig, RunConfigWinsOverAnEdit) {
  Json config = trained_config(small_config(), {});
  config["max_position_embeddings"] = 512;
  EXPECT_EQ(trained_config(config, extension(256, 4.0))["pos_scaling_factor"], 4.0);
}

TEST(ApplyModelConfig, DirectlyTunedModelGoesOnUnasked) {
  const Json direct = trained_config(small_config(), extension(512, 1.0));
  EXPECT_EQ(direct["ropewalk"]["original_max_position_embeddings"], 64);
  EXPECT_EQ(trained_config(direct, {}), direct);
}

TEST(ApplyModelConfig, ChangedThetaIsWrittenAndSaid) {
  const ModelDirectory directory(small_config());
  ModelConfig model;
  model.rope_theta = 500000.0;
  Diagnostics diagnostics;
  const HfModel resolved = apply_model_config(load_hf_model(directory.path()), model, diagnostics);
  EXPECT_EQ(resolved.config["rope_theta"], 500000.0);
  EXPECT_EQ(resolved.config["rope_parameters"]["rope_theta"], 500000.0);
  EXPECT_THAT(warnings_of(diagnostics), HasSubstr("model.rope_theta: changed from 10000"));
}

TEST(ResolveModel, BuildsAnArchitectureFromScratch) {
  ModelConfig model;
  model.model_type = "llama";
  model.vocab_size = 97;
  model.hidden_size = 48;
  model.intermediate_size = 80;
  model.num_hidden_layers = 2;
  model.num_attention_heads = 6;
  model.max_position_embeddings = 256;
  model.rope_theta = 366.0;
  const HfModel resolved = resolve_model(model, "run.json");
  EXPECT_TRUE(resolved.path.empty());
  EXPECT_EQ(resolved.spec.num_kv_heads, 6);
  EXPECT_EQ(resolved.spec.head_dim, 8);
  EXPECT_EQ(resolved.spec.rope.theta, 366.0);
  EXPECT_EQ(resolved.spec.rope.original_max_position_embeddings, 256);
  EXPECT_TRUE(resolved.spec.eos_token_ids.empty());
  EXPECT_EQ(resolved.config["architectures"], Json({"LlamaForCausalLM"}));
  Diagnostics diagnostics;
  EXPECT_EQ(read_spec(resolved.config, diagnostics).spec, resolved.spec);
  EXPECT_THAT(errors_of(diagnostics), IsEmpty());
}

TEST(ResolveModel, ScratchMayBeScaledFromTheStart) {
  ModelConfig model = extension(512, 8.0);
  model.model_type = "llama";
  model.hidden_size = 48;
  model.num_attention_heads = 6;
  EXPECT_EQ(resolve_model(model, "run.json").spec.rope.original_max_position_embeddings, 64);
}

TEST(ResolveModel, ScratchOfAnotherFamilyIsRefused) {
  ModelConfig model;
  model.model_type = "gpt2";
  EXPECT_THROW(resolve_model(model, "run.json"), ConfigError);
}

TEST(ResolveModel, FaultsAreOneConfigError) {
  const ModelDirectory directory(small_config());
  ModelConfig model = extension(512, 4.0);
  model.pretrained = directory.path().string();
  try {
    resolve_model(model, "run.json");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), ::testing::StartsWith("run.json: 1 fault"));
    EXPECT_THAT(error.what(), HasSubstr("model.pos_scaling_factor: found 4"));
  }
}

TEST(HfModel, EditSinceTheManifestIsPrinted) {
  const ModelDirectory directory(trained_config(small_config(), extension(128, 2.0)));
  write_manifest(directory.path());
  Diagnostics untouched;
  load_hf_model(directory.path(), &untouched);
  EXPECT_THAT(warnings_of(untouched), IsEmpty());

  Json config = read_json_file(directory.path() / "config.json");
  config["pos_scaling_factor"] = 4.0;
  directory.write(config);
  Diagnostics edited;
  load_hf_model(directory.path(), &edited);
  EXPECT_THAT(warnings_of(edited), HasSubstr("was edited since the checkpoint was written"));
  EXPECT_THAT(warnings_of(edited), HasSubstr("linear, factor 4"));
}

}  // namespace
}  // namespace ropewalk

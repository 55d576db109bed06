#include "ropewalk/settings/resume.h"

#include <gmock/gmock.h>

#include "ropewalk/base/errors.h"
#include "ropewalk/config/overrides.h"
#include "ropewalk/settings/run_config.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Json resolved() {
  RunConfig config;
  config.model.pretrained = "base";
  config.model.pos_scaling_factor = 8.0;
  config.train.run_dir = "r";
  return resolved_json(config);
}

std::vector<std::string> changed_keys(const Json& stored,
                                      const Json& now,
                                      const std::vector<std::string>& allow = {}) {
  std::vector<std::string> keys;
  for (const Difference& difference : differences_on_resume(stored, now, allow)) {
    keys.push_back(difference.key);
  }
  return keys;
}

TEST(Resume, StepsEvalLogCheckpointParallelAndPathsMayChange) {
  const Json now = apply_overrides(resolved(),
                                   {"train.steps=5",
                                    "eval.every_steps=1",
                                    "eval.windows=[3]",
                                    "log.every_steps=2",
                                    "checkpoint.keep=9",
                                    "parallel.recompute=block",
                                    "parallel.threads=2",
                                    "train.run_dir=elsewhere",
                                    "data.train=[\"x\"]",
                                    "data.validation=[\"y\"]",
                                    "model.pretrained=moved",
                                    "model.tokenizer=moved"});
  EXPECT_THAT(changed_keys(resolved(), now), IsEmpty());
}

TEST(Resume, WhatChangesTheResultIsADifference) {
  const Json now = apply_overrides(resolved(),
                                   {"model.pos_scaling_factor=16",
                                    "data.sequence_length=64",
                                    "train.seed=2",
                                    "train.global_batch_size=8",
                                    "optimizer.betas=[0.9,0.99]",
                                    "schedule.type=cosine"});
  EXPECT_THAT(changed_keys(resolved(), now),
              ElementsAre("model.pos_scaling_factor",
                          "data.sequence_length",
                          "train.global_batch_size",
                          "train.seed",
                          "optimizer.betas",
                          "schedule.type"));
}

TEST(Resume, SettingThatBecomesUnsetIsADifference) {
  const auto differences = differences_on_resume(
      resolved(), apply_overrides(resolved(), {"model.pos_scaling_factor=null"}));
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_TRUE(differences[0].now.is_null());
}

TEST(Resume, EqualNumbersInAnotherSpellingAreNoDifference) {
  EXPECT_THAT(
      changed_keys(resolved(),
                   apply_overrides(resolved(), {"model.pos_scaling_factor=8", "train.seed=1.0"})),
      IsEmpty());
}

TEST(Resume, AllowedKeysAndSectionsMayChange) {
  const Json now =
      apply_overrides(resolved(), {"optimizer.learning_rate=1", "optimizer.eps=1", "train.seed=2"});
  EXPECT_THAT(changed_keys(resolved(), now, {"optimizer.learning_rate"}),
              ElementsAre("train.seed", "optimizer.eps"));
  EXPECT_THAT(changed_keys(resolved(), now, {"optimizer", "train.seed"}), IsEmpty());
}

TEST(Resume, KeyThatAnOlderProgramDidNotStoreCountsAsItsDefault) {
  Json stored = resolved();
  stored["optimizer"].erase("eps");
  EXPECT_THAT(changed_keys(stored, resolved()), IsEmpty());
  EXPECT_THAT(changed_keys(stored, apply_overrides(resolved(), {"optimizer.eps=1e-6"})),
              ElementsAre("optimizer.eps"));
}

TEST(Resume, KeyThatNoLongerExistsIsADifference) {
  Json stored = resolved();
  stored["optimizer"]["amsgrad"] = true;
  EXPECT_THAT(changed_keys(stored, resolved()), ElementsAre("optimizer.amsgrad"));
}

TEST(Resume, RefusalListsEveryDifferenceAndWhatToDo) {
  const Json now = apply_overrides(resolved(), {"train.seed=2", "optimizer.eps=1"});
  try {
    refuse_differences_on_resume(resolved(), now, {}, "run.json");
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("run.json: 2 faults"),
                      HasSubstr("train.seed: the run was started with 1, now it is 2"),
                      HasSubstr("--allow-change optimizer.eps")));
  }
  EXPECT_NO_THROW(
      refuse_differences_on_resume(resolved(), now, {"train.seed", "optimizer.eps"}, "run.json"));
}

HfModel model_of(const Json& config) {
  Diagnostics faults;
  HfModel model;
  model.config = config;
  model.family = &find_family("llama", "config.json");
  model.spec = model.family->from_hf(config, faults).spec;
  EXPECT_TRUE(faults.errors().empty());
  return model;
}

Json small_llama() {
  return {{"model_type", "llama"},
          {"vocab_size", 64},
          {"hidden_size", 32},
          {"intermediate_size", 64},
          {"num_hidden_layers", 4},
          {"num_attention_heads", 4},
          {"max_position_embeddings", 512},
          {"rope_theta", 1e4},
          {"torch_dtype", "bfloat16"}};
}

TEST(Resume, TheSameModelInOtherWordsIsNoOther) {
  Json now = small_llama();
  now["num_key_value_heads"] = 4;
  now["attention_bias"] = false;
  now["use_cache"] = false;
  now["transformers_version"] = "5.0.0";
  now["torch_dtype"] = "float32";
  now["max_position_embeddings"] = 1024;
  EXPECT_NO_THROW(refuse_other_model(model_of(small_llama()), model_of(now), "step-3"));
}

TEST(Resume, AnotherModelIsToldByWhatSetsItApart) {
  Json now = small_llama();
  now["num_hidden_layers"] = 5;
  now["rms_norm_eps"] = 0.5;
  now["torch_dtype"] = "float32";
  try {
    refuse_other_model(model_of(small_llama()), model_of(now), "step-3");
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_THAT(
        error.what(),
        AllOf(HasSubstr("step-3: 2 faults"),
              HasSubstr("num_hidden_layers: the checkpoint's model has 4, this run's has 5"),
              HasSubstr("rms_norm_eps: the checkpoint's model has unset, this run's has 0.5")));
  }
}

TEST(Resume, MisspeltAllowedKeyIsRefused) {
  try {
    refuse_differences_on_resume(resolved(), resolved(), {"optimizer.learning_rat"}, "run.json");
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean \"optimizer.learning_rate\"?"));
  }
}

}  // namespace
}  // namespace ropewalk

#include "ropewalk/optim/trainable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

NamedTensors some_parameters() {
  NamedTensors parameters;
  for (const char* name : {"embed_tokens.weight",
                           "layers.0.mlp.down.weight",
                           "layers.1.mlp.down.weight",
                           "norm.weight"}) {
    parameters.emplace_back(name, torch::zeros({2}));
  }
  return parameters;
}

std::vector<std::string> names_of(const NamedTensors& parameters) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : parameters) names.push_back(name);
  return names;
}

TEST(Trainable, FrozenWinsOverTrainableAndSetsRequiresGrad) {
  const NamedTensors parameters = some_parameters();
  OptimizerConfig config;
  config.trainable = {"layers.*", "norm.weight"};
  config.frozen = {"layers.0.*"};
  const NamedTensors trained = select_trainable(parameters, config, "run.json");
  EXPECT_THAT(names_of(trained), testing::ElementsAre("layers.1.mlp.down.weight", "norm.weight"));
  EXPECT_FALSE(parameters[0].second.requires_grad());
  EXPECT_FALSE(parameters[1].second.requires_grad());
  EXPECT_TRUE(parameters[2].second.requires_grad());
}

TEST(Trainable, EveryPatternThatMatchesNothingIsReportedAtOnce) {
  OptimizerConfig config;
  config.trainable = {"layer.0.mlp.down.weight"};
  config.frozen = {"lm_head*"};
  try {
    select_trainable(some_parameters(), config, "run.json");
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("run.json: 2 faults"));
    EXPECT_THAT(error.what(), testing::HasSubstr("optimizer.trainable"));
    EXPECT_THAT(error.what(), testing::HasSubstr("\"layers.0.mlp.down.weight\""));
    EXPECT_THAT(error.what(), testing::HasSubstr("lm_head*"));
  }
}

TEST(Trainable, FreezingEverythingIsRefused) {
  OptimizerConfig config;
  config.frozen = {"*"};
  EXPECT_THROW(select_trainable(some_parameters(), config, "run.json"), ConfigError);
}

}  // namespace
}  // namespace ropewalk

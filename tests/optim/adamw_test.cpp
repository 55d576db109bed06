#include "ropewalk/optim/adamw.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/optim/clip.h"
#include "ropewalk/optim/schedule.h"
#include "ropewalk/optim/trainable.h"

namespace ropewalk {
namespace {

OptimizerConfig decayed_config() {
  OptimizerConfig config;
  config.weight_decay = 0.1;
  return config;
}

NamedTensors matrix_and_vector() {
  return {{"layers.0.mlp.down.weight", torch::linspace(-1, 1, 12).reshape({3, 4}).requires_grad_()},
          {"norm.weight", torch::linspace(0.5, 1.5, 4).requires_grad_()}};
}

// g[i] = sin(0.7 i + step) (1 + i mod 3), as in fixtures/make_adamw_torch.py.
torch::Tensor gradient_like(const torch::Tensor& parameter, int64_t offset, int64_t step) {
  torch::Tensor gradient = torch::empty(parameter.sizes());
  for (int64_t i = 0; i < parameter.numel(); ++i) {
    const double index = static_cast<double>(offset + i);
    gradient.flatten()[i] = std::sin(0.7 * index + static_cast<double>(step)) *
                            static_cast<double>(1 + (offset + i) % 3);
  }
  return gradient;
}

void set_gradients(const NamedTensors& parameters, int64_t step) {
  int64_t offset = 0;
  for (auto [name, parameter] : parameters) {
    parameter.mutable_grad() = gradient_like(parameter, offset, step);
    offset += parameter.numel();
  }
}

// Algorithm 2 of the paper, one number at a time in double.
struct PaperAdamW {
  double x, m = 0.0, v = 0.0;
  void step(double g, int t, double rate, double weight_decay, const OptimizerConfig& config) {
    m = config.betas[0] * m + (1.0 - config.betas[0]) * g;
    v = config.betas[1] * v + (1.0 - config.betas[1]) * g * g;
    const double m_hat = m / (1.0 - std::pow(config.betas[0], t));
    const double v_hat = v / (1.0 - std::pow(config.betas[1], t));
    x -= rate * (weight_decay * x + m_hat / (std::sqrt(v_hat) + config.eps));
  }
};

TEST(AdamW, UpdatesFollowThePapersFormulaAndDecayMatricesOnly) {
  const OptimizerConfig config = decayed_config();
  const NamedTensors parameters = matrix_and_vector();
  std::vector<PaperAdamW> expected;
  for (const auto& [name, parameter] : parameters) {
    for (int64_t i = 0; i < parameter.numel(); ++i) {
      expected.push_back({.x = parameter.flatten()[i].item<double>()});
    }
  }
  AdamW optimizer(dist::as_whole(parameters), config);
  for (int t = 1; t <= 30; ++t) {
    const double rate = 0.01 / t;
    set_gradients(parameters, t);
    for (size_t i = 0; i < expected.size(); ++i) {
      const bool in_matrix = i < 12;
      const auto& gradient = parameters[in_matrix ? 0 : 1].second.grad();
      const double g = gradient.flatten()[in_matrix ? i : i - 12].item<double>();
      expected[i].step(g, t, rate, in_matrix ? config.weight_decay : 0.0, config);
    }
    optimizer.step(rate);
  }
  EXPECT_EQ(optimizer.num_steps(), 30);
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto& parameter = parameters[i < 12 ? 0 : 1].second;
    const double value = parameter.flatten()[i < 12 ? i : i - 12].item<double>();
    EXPECT_NEAR(value, expected[i].x, 2e-6) << i;
  }
}

TEST(AdamW, WithClippingAndCosineScheduleItFollowsTorch) {
  const Json steps = read_json_file(ROPEWALK_SOURCE_DIR "/tests/optim/fixtures/adamw_torch.json");
  const ScheduleConfig schedule{.type = ScheduleType::kCosine,
                                .warmup_steps = 4,
                                .warmup_start_fraction = 0.1,
                                .final_fraction = 0.2};
  const NamedTensors parameters = matrix_and_vector();
  AdamW optimizer(dist::as_whole(parameters), decayed_config());
  ASSERT_EQ(steps.size(), 12u);
  for (int64_t step = 0; step < 12; ++step) {
    const Json& expected = steps.at(step);
    set_gradients(parameters, step);
    const double norm =
        clip_grad_norm(dist::as_whole(parameters), 1.5, [](double sum) { return sum; }).norm;
    EXPECT_NEAR(norm, expected.at("norm").get<double>(), 1e-5);
    const double rate = learning_rate_at(schedule, 0.01, step, 12);
    EXPECT_NEAR(rate, expected.at("rate").get<double>(), 1e-12);
    optimizer.step(rate);
    const auto matrix = torch::tensor(expected.at("matrix").get<std::vector<double>>());
    const auto vector = torch::tensor(expected.at("vector").get<std::vector<double>>());
    EXPECT_TRUE(torch::allclose(parameters[0].second.flatten(), matrix.to(torch::kFloat), 0, 1e-6));
    EXPECT_TRUE(torch::allclose(parameters[1].second, vector.to(torch::kFloat), 0, 1e-6));
  }
}

TEST(AdamW, RestoredMomentsAndCountContinueBitForBit) {
  const NamedTensors straight = matrix_and_vector();
  AdamW one(dist::as_whole(straight), decayed_config());
  const NamedTensors interrupted = matrix_and_vector();
  auto before = std::make_unique<AdamW>(dist::as_whole(interrupted), decayed_config());
  for (int64_t step = 0; step < 5; ++step) {
    set_gradients(straight, step);
    one.step(0.01);
    set_gradients(interrupted, step);
    before->step(0.01);
  }
  AdamW after(dist::as_whole(interrupted), decayed_config());
  for (size_t i = 0; i < interrupted.size(); ++i) {
    after.first_moments()[i].second.local().copy_(before->first_moments()[i].second.local());
    after.second_moments()[i].second.local().copy_(before->second_moments()[i].second.local());
  }
  after.set_num_steps(before->num_steps());
  before.reset();
  for (int64_t step = 5; step < 9; ++step) {
    set_gradients(straight, step);
    one.step(0.01);
    set_gradients(interrupted, step);
    after.step(0.01);
  }
  for (size_t i = 0; i < straight.size(); ++i) {
    EXPECT_TRUE(torch::equal(straight[i].second, interrupted[i].second)) << straight[i].first;
  }
}

// One rank's view of a buffer in two shards: part of a matrix, then nothing of a vector.
TEST(AdamW, PartsOfParametersAreUpdatedLikeTheWhole) {
  const NamedTensors parameters = matrix_and_vector();
  AdamW whole(dist::as_whole(parameters), decayed_config());
  const auto group = std::make_shared<dist::Group>();
  at::Tensor part = parameters[0].second.detach().flatten().slice(0, 0, 5).clone();
  part.mutable_grad() = torch::empty({5});
  AdamW sharded({{"w", {{3, 4}, {.offset = 0, .shard_numel = 5}, part, group}},
                 {"b", {{4}, {.offset = 12, .shard_numel = 5}, torch::empty({0}), group}}},
                decayed_config());
  for (int64_t step = 0; step < 4; ++step) {
    set_gradients(parameters, step);
    part.mutable_grad().copy_(parameters[0].second.grad().flatten().slice(0, 0, 5));
    whole.step(0.01);
    sharded.step(0.01);
  }
  EXPECT_TRUE(torch::allclose(part, parameters[0].second.flatten().slice(0, 0, 5), 0, 1e-6));
  EXPECT_EQ(sharded.first_moments()[0].second.shape(), (std::vector<int64_t>{3, 4}));
}

TEST(AdamW, ZeroGradKeepsTheGradientsMemory) {
  const NamedTensors parameters = matrix_and_vector();
  AdamW optimizer(dist::as_whole(parameters), decayed_config());
  set_gradients(parameters, 0);
  const void* memory = parameters[0].second.grad().const_data_ptr();
  optimizer.zero_grad();
  ASSERT_TRUE(parameters[0].second.grad().defined());
  EXPECT_EQ(parameters[0].second.grad().const_data_ptr(), memory);
  EXPECT_EQ(parameters[0].second.grad().abs().sum().item<float>(), 0.0f);
}

}  // namespace
}  // namespace ropewalk

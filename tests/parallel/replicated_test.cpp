#include "ropewalk/parallel/replicated.h"

#include <gmock/gmock.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "dist/rank_bodies.h"
#include "dist/test_device.h"
#include "ropewalk/base/errors.h"

ROPEWALK_RANK_TEST_MAIN

namespace ropewalk::parallel {
namespace {

using ::testing::HasSubstr;
constexpr int64_t kRows = 12;  // global batch: divisible by 1, 2 and 3 ranks
constexpr int64_t kWidth = 33;
constexpr int kLayers = 4;

// Layers of unequal size, so that with 0.002 MiB per bucket the layout is not trivial.
struct Model {
  NamedParameters parameters;

  explicit Model(uint64_t seed = 1, at::Device device = at::kCPU) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    int64_t width = kWidth;
    for (int i = 0; i < kLayers; ++i) {
      const int64_t next = i + 1 == kLayers ? 1 : kWidth - i;
      const std::string name = "layer" + std::to_string(i);
      add(name + ".weight", (at::randn({next, width}, generator) * 0.3).to(device));
      add(name + ".bias", (at::randn({next}, generator) * 0.1).to(device));
      width = next;
    }
  }

  void add(const std::string& name, at::Tensor value) {
    parameters.emplace_back(name, value.set_requires_grad(true));
  }

  at::Tensor loss_sum(at::Tensor x) const {
    for (size_t i = 0; i < parameters.size(); i += 2) {
      x = at::tanh(at::linear(x, parameters[i].second, parameters[i + 1].second));
    }
    return (x * x).sum();
  }
};

at::Tensor batch_of_step(int step) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(100 + step));
  return at::randn({kRows, kWidth}, generator);
}

struct Run {
  dist::Group& group;
  DataParallel& dp;
  Model& model;
  int num_micro_steps = 1;
  bool undefine_gradients = false;
};

// A plain gradient descent step on this rank's rows; the loss is the mean over the global batch.
void train_step(const Run& run, int step) {
  const at::Tensor batch = batch_of_step(step).to(run.group.device());
  const auto own = batch.chunk(run.group.size())[static_cast<size_t>(run.group.rank())];
  const auto parts = own.chunk(run.num_micro_steps);
  for (size_t i = 0; i < parts.size(); ++i) {
    run.dp.begin_micro_batch(i + 1 == parts.size());
    at::Tensor loss = run.model.loss_sum(parts[i]) / kRows;
    run.dp.prepare_backward(loss);
    loss.backward();
    run.dp.end_micro_batch();
  }
  run.dp.finish_step();
  const at::NoGradGuard no_grad;
  for (auto& [name, parameter] : run.model.parameters) {
    if (!parameter.grad().defined()) continue;
    parameter.sub_(parameter.grad(), 0.5);
    if (run.undefine_gradients) {
      parameter.mutable_grad().reset();
    } else {
      parameter.mutable_grad().zero_();
    }
  }
}

ReplicatedOptions small_buckets() {
  ReplicatedOptions options;
  options.bucket_mib = 0.002;
  return options;
}

at::Tensor flat(const Model& model) {
  std::vector<at::Tensor> parts;
  for (const auto& [name, parameter] : model.parameters)
    parts.push_back(parameter.detach().flatten());
  return at::cat(parts);
}

// What one rank computes with the whole batch.
at::Tensor single_rank_result(int num_steps, int num_micro_steps, at::Device device = at::kCPU) {
  dist::Group alone(device);
  Model model(1, device);
  ReplicatedDataParallel dp(model.parameters, dist::borrow(alone), small_buckets());
  for (int step = 0; step < num_steps; ++step)
    train_step({alone, dp, model, num_micro_steps}, step);
  return flat(model);
}

void expect_same_on_all_ranks(dist::Group& group, const at::Tensor& value) {
  at::Tensor largest = value.clone(), smallest = -value;
  group.all_reduce_max(largest);
  group.all_reduce_max(smallest);
  EXPECT_TRUE(largest.equal(-smallest));
}

RANK_BODY(equals_one_rank) {
  for (const int num_micro_steps : {1, 2}) {
    // Only rank 0's values count.
    Model model(static_cast<uint64_t>(1 + group.rank()), group.device());
    ReplicatedDataParallel dp(model.parameters, dist::borrow(group), small_buckets());
    dp.synchronize_weights();
    for (int step = 0; step < 5; ++step) train_step({group, dp, model, num_micro_steps}, step);
    expect_same_on_all_ranks(group, flat(model));
    const auto close_to_one_rank_after = [&](int num_steps) {
      const at::Tensor wanted = single_rank_result(num_steps, 1, group.device());
      return at::allclose(flat(model), wanted, 1e-5, 1e-6);
    };
    EXPECT_TRUE(close_to_one_rank_after(5));
    EXPECT_FALSE(close_to_one_rank_after(4));
  }
}

TEST(DataParallel, TwoRanksEqualOneWithTheSameGlobalBatch) {
  dist::expect_ranks_pass("equals_one_rank", 2);
}
TEST(DataParallel, ThreeRanksEqualOneWithTheSameGlobalBatch) {
  dist::expect_ranks_pass("equals_one_rank", 3);
}

TEST(DataParallelOnGpus, TwoRanksEqualOneWithTheSameGlobalBatch) {
  ROPEWALK_SKIP_WITHOUT_GPUS(2);
  dist::expect_ranks_pass("equals_one_rank", 2, {"ROPEWALK_TEST_BACKEND=nccl"});
}

TEST(DataParallel, OneRankHasNoLayoutAndTheSameCalls) {
  dist::Group alone;
  Model model;
  ReplicatedDataParallel dp(model.parameters, dist::borrow(alone));
  train_step({alone, dp, model}, 0);
  EXPECT_TRUE(dp.state().is_null());
  EXPECT_FALSE(dp.load_state(Json{{"bucket_mib", 25.0}, {"buckets", Json::array()}}));
}

void set_values(Model& model, const at::Tensor& values) {
  const at::NoGradGuard no_grad;
  int64_t offset = 0;
  for (auto& [name, parameter] : model.parameters) {
    parameter.copy_(values.slice(0, offset, offset + parameter.numel()).view_as(parameter));
    offset += parameter.numel();
  }
}

void expect_exact_resume(dist::Group& group, int num_micro_steps, bool undefine_gradients) {
  Model undisturbed;
  ReplicatedDataParallel dp(undisturbed.parameters, dist::borrow(group), small_buckets());
  EXPECT_TRUE(dp.state().is_null());
  Json layout;
  at::Tensor weights_after_1;
  for (int step = 0; step < 6; ++step) {
    train_step({group, dp, undisturbed, num_micro_steps, undefine_gradients}, step);
    if (step > 0) continue;
    layout = dp.state();
    weights_after_1 = flat(undisturbed);
  }
  EXPECT_EQ(dp.state(), layout);  // settled after the first step
  EXPECT_GT(layout.at("buckets").size(), 2u);

  Model resumed;
  set_values(resumed, weights_after_1);
  ReplicatedDataParallel again(resumed.parameters, dist::borrow(group), small_buckets());
  EXPECT_TRUE(again.load_state(layout));
  EXPECT_EQ(again.state(), layout);
  for (int step = 1; step < 6; ++step) {
    train_step({group, again, resumed, num_micro_steps, undefine_gradients}, step);
  }
  EXPECT_EQ(again.state(), layout);
  EXPECT_TRUE(flat(resumed).equal(flat(undisturbed)));
}

RANK_BODY(resumes_bit_for_bit) {
  for (const int num_micro_steps : {1, 2}) {
    for (const bool undefine_gradients : {false, true}) {
      expect_exact_resume(group, num_micro_steps, undefine_gradients);
    }
  }
}

TEST(DataParallel, ResumedTwoRanksContinueBitForBit) {
  dist::expect_ranks_pass("resumes_bit_for_bit", 2);
}
TEST(DataParallel, ResumedThreeRanksContinueBitForBit) {
  dist::expect_ranks_pass("resumes_bit_for_bit", 3);
}

RANK_BODY(keeps_any_restored_layout) {
  Model model;
  ReplicatedDataParallel dp(model.parameters, dist::borrow(group), small_buckets());
  // One bucket per parameter, in forward order: nothing that the reducer would choose itself.
  Json buckets = Json::array();
  for (const auto& [name, parameter] : model.parameters) buckets.push_back(Json::array({name}));
  const Json layout = {{"bucket_mib", 0.002}, {"buckets", buckets}};
  EXPECT_TRUE(dp.load_state(layout));
  for (int step = 0; step < 3; ++step) train_step({group, dp, model}, step);
  EXPECT_EQ(dp.state(), layout);
  EXPECT_TRUE(at::allclose(flat(model), single_rank_result(3, 1), 1e-5, 1e-6));
}

TEST(DataParallel, ARestoredLayoutIsKeptThroughTheRun) {
  dist::expect_ranks_pass("keeps_any_restored_layout", 2);
}

RANK_BODY(refuses_foreign_layouts) {
  Model model;
  ReplicatedDataParallel dp(model.parameters, dist::borrow(group), small_buckets());
  EXPECT_FALSE(dp.load_state(nullptr));
  EXPECT_FALSE(dp.load_state({{"bucket_mib", 25.0}, {"buckets", Json::array()}}));
  EXPECT_FALSE(dp.load_state(
      {{"bucket_mib", 0.002}, {"buckets", Json::array({Json::array({"layer0.weight"})})}}));
  EXPECT_FALSE(
      dp.load_state({{"bucket_mib", 0.002}, {"buckets", Json::array({Json::array({"other"})})}}));
  EXPECT_THROW(dp.load_state({{"bucket_mib", "x"}}), CheckpointError);
  train_step({group, dp, model}, 0);
}

TEST(DataParallel, LayoutsOfAnotherModelOrBucketSizeAreFoundAnew) {
  dist::expect_ranks_pass("refuses_foreign_layouts", 2);
}

RANK_BODY(frozen) {
  Model model;
  model.parameters[2].second.set_requires_grad(false);
  const at::Tensor before = model.parameters[2].second.clone();
  ReplicatedDataParallel dp(model.parameters, dist::borrow(group), small_buckets());
  for (int step = 0; step < 3; ++step) train_step({group, dp, model}, step);
  EXPECT_TRUE(model.parameters[2].second.equal(before));
  EXPECT_FALSE(model.parameters[2].second.grad().defined());
  expect_same_on_all_ranks(group, flat(model));
  EXPECT_EQ(dp.state().dump().find("layer1.weight"), std::string::npos);
}

TEST(DataParallel, FrozenParametersAreLeftAlone) { dist::expect_ranks_pass("frozen", 2); }

RANK_BODY(unused_allowed) {
  Model model;
  model.add("unused", at::ones({5}));
  ReplicatedOptions options = small_buckets();
  options.find_unused_parameters = true;
  ReplicatedDataParallel dp(model.parameters, dist::borrow(group), options);
  const at::Tensor unused = model.parameters.back().second;
  model.parameters.pop_back();
  for (int step = 0; step < 3; ++step) train_step({group, dp, model}, step);
  EXPECT_TRUE(unused.equal(at::ones({5})));
  expect_same_on_all_ranks(group, flat(model));
  EXPECT_TRUE(at::allclose(flat(model), single_rank_result(3, 1), 1e-5, 1e-6));
}

TEST(DataParallel, UnusedParametersAreHandledWhenAskedFor) {
  dist::expect_ranks_pass("unused_allowed", 2);
}

RANK_BODY(unused_refused) {
  Model model;
  model.add("never_used", at::ones({5}));
  ReplicatedDataParallel dp(model.parameters, dist::borrow(group), small_buckets());
  model.parameters.pop_back();
  train_step({group, dp, model}, 0);
}

TEST(DataParallel, AParameterWithoutGradientIsAnErrorThatNamesIt) {
  dist::RankRun run{"unused_refused", 2, 60, {}, ""};
  EXPECT_EQ(dist::run_ranks(run), kExitFailure);
  EXPECT_THAT(run.output, HasSubstr("no gradient reached never_used; freeze it"));
}

RANK_BODY(different_models) {
  Model model;
  if (group.rank() == 1) model.parameters[3].second = at::zeros({7}).set_requires_grad(true);
  ReplicatedDataParallel dp(model.parameters, dist::borrow(group));
}

TEST(DataParallel, RanksWithDifferentModelsAreRefused) {
  dist::RankRun run{"different_models", 2, 60, {}, ""};
  EXPECT_EQ(dist::run_ranks(run), kExitFailure);
  EXPECT_THAT(run.output,
              HasSubstr("parameter 3 differs between ranks: rank 0 has layer1.bias [32]"));
  EXPECT_THAT(run.output, HasSubstr("rank 1 has layer1.bias [7]"));
}

}  // namespace
}  // namespace ropewalk::parallel

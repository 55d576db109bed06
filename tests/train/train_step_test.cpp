#include "ropewalk/train/train_step.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "ropewalk/optim/trainable.h"
#include "ropewalk/parallel/replicated.h"
#include "train/questions.h"

namespace ropewalk {
namespace {

DecoderSpec small_spec() {
  DecoderSpec spec{.model_type = "llama",
                   .vocab_size = 40,
                   .hidden_size = 16,
                   .intermediate_size = 24,
                   .num_layers = 1,
                   .num_heads = 2,
                   .num_kv_heads = 2,
                   .head_dim = 8,
                   .layers = {{}}};
  spec.rope.head_dim = spec.rope.rotary_dims = 8;
  spec.rope.max_position_embeddings = spec.rope.original_max_position_embeddings = 16;
  return spec;
}

Batch small_batch() {
  return {.rows = 1,
          .length = 4,
          .tokens = {3, 5, 7, 9},
          .targets = {5, 7, 9, 11},
          .source_tokens = {3, 1}};
}

struct SmallRun {
  SmallRun() : decoder(build_decoder(small_spec(), {.for_training = true})) {
    decoder->initialize(1);
    parameters = decoder->parameters_by_name();
    optimizer = std::make_unique<AdamW>(dist::as_whole(parameters), OptimizerConfig{});
    data_parallel = std::make_unique<parallel::ReplicatedDataParallel>(parameters, group);
  }

  TrainStepResult step(const StepQuestions& ask = no_wishes()) {
    const TrainStepContext context{.decoder = *decoder,
                                   .context_parallel = context_parallel,
                                   .data_parallel = *data_parallel,
                                   .optimizer = *optimizer,
                                   .group = *group,
                                   .max_grad_norm = 1.0,
                                   .pin_memory = false};
    return train_step(context, {batch}, 1e-3, ask);
  }

  Batch batch = small_batch();
  std::shared_ptr<dist::Group> group = std::make_shared<dist::Group>();
  std::shared_ptr<Decoder> decoder;
  NamedTensors parameters;
  std::unique_ptr<AdamW> optimizer;
  parallel::ContextParallel context_parallel;
  std::unique_ptr<parallel::DataParallel> data_parallel;
};

TEST(TrainStep, WishThatComesUpDuringTheStepIsGrantedAtItsBorder) {
  SmallRun run;
  const at::Tensor weight = run.parameters.front().second;
  const at::Tensor before = weight.detach().clone();
  bool gradients_were_there = false;
  StepQuestions ask = no_wishes();
  ask.read_wishes = [&] {
    gradients_were_there = weight.grad().defined() && weight.grad().abs().sum().item<float>() > 0;
    EXPECT_TRUE(weight.equal(before));
    return BorderWishes{.stop = true, .save_failed = true};
  };
  const TrainStepResult result = run.step(ask);
  EXPECT_TRUE(gradients_were_there);
  EXPECT_TRUE(result.agreed.stop);
  EXPECT_FALSE(result.agreed.save);
  EXPECT_TRUE(result.agreed.save_failed);
  EXPECT_FALSE(weight.equal(before));
}

TEST(TrainStep, ABadStepChangesNothingAndTellsTheLossOfEachMicroBatch) {
  SmallRun run;
  std::vector<at::Tensor> before;
  for (const auto& [name, weight] : run.parameters) before.push_back(weight.detach().clone());
  StepQuestions ask = no_wishes();
  double shown_loss = 0, shown_norm = 0;
  ask.fault_of = [&](double loss, double grad_norm) {
    shown_loss = loss;
    shown_norm = grad_norm;
    return std::string("odd");
  };
  const TrainStepResult result = run.step(ask);
  EXPECT_EQ(result.fault, "odd");
  EXPECT_EQ(result.loss, shown_loss);
  EXPECT_EQ(result.grad_norm, shown_norm);
  ASSERT_EQ(result.micro_losses.size(), 1u);
  EXPECT_NEAR(result.micro_losses[0], result.loss, 1e-6);
  EXPECT_EQ(run.optimizer->num_steps(), 0);
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(run.parameters[i].second.equal(before[i])) << run.parameters[i].first;
  }
  EXPECT_TRUE(run.step().fault.empty());
  EXPECT_FALSE(run.parameters[0].second.equal(before[0]));
}

TEST(TrainStep, DocumentsOfARowAreReadApart) {
  SmallRun run;
  run.batch.document_lengths = {1, 3};
  const at::Tensor tokens = at::tensor(run.batch.tokens, at::kLong).view({1, 4});
  const at::Tensor targets = at::tensor(run.batch.targets, at::kLong).view({1, 4});
  const auto sum = [&](int64_t begin, int64_t end) {
    return run.decoder->token_nll(tokens.slice(1, begin, end), targets.slice(1, begin, end)).sum();
  };
  const double expected = (sum(0, 1) + sum(1, 4)).item<double>() / 4;
  EXPECT_NEAR(run.step().loss, expected, 1e-5);
}

TEST(TrainStep, AStepWithoutTargetsChangesOnlyWhatDecayChanges) {
  SmallRun run;
  run.batch.targets.assign(4, kIgnoredTarget);
  run.batch.source_tokens = {0, 0};
  const TrainStepResult result = run.step();
  EXPECT_EQ(result.tokens, 0);
  EXPECT_EQ(result.loss, 0.0);
  EXPECT_EQ(result.grad_norm, 0.0);
}

TEST(TrainStep, LossIsTheMeanOverTheTargets) {
  SmallRun run;
  const Batch batch = small_batch();
  const at::Tensor tokens = at::tensor(batch.tokens, at::kLong).view({1, 4});
  const at::Tensor targets = at::tensor(batch.targets, at::kLong).view({1, 4});
  const double expected = run.decoder->token_nll(tokens, targets).mean().item<double>();
  const TrainStepResult result = run.step();
  EXPECT_EQ(result.tokens, 4);
  EXPECT_EQ(result.source_tokens, (std::vector<int64_t>{3, 1}));
  EXPECT_NEAR(result.loss, expected, 1e-5);
}

}  // namespace
}  // namespace ropewalk

// Runs whose sequences are shared by ranks, step by step against one rank with the same batches.
#include "ropewalk/parallel/context_parallel.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <map>

#include "dist/rank_bodies.h"
#include "parallel/context_cases.h"
#include "ropewalk/parallel/block_runner.h"
#include "ropewalk/train/train_step.h"
#include "train/make_data_parallel.h"
#include "train/questions.h"

ROPEWALK_RANK_TEST_MAIN

namespace ropewalk {
namespace {

using parallel::ContextParallel;
using parallel::DecoderCase;
using parallel::kDecoderCases;

constexpr int64_t kRowLength = 48, kRowsOfStep = 8;
constexpr int kNumSteps = 10;

struct RunKind {
  const DecoderCase* model;
  DataParallelKind data_parallel = DataParallelKind::kDdp;
  Recompute recompute = Recompute::kNone;
  int64_t micro_steps = 1;  // of each data rank

  std::string name() const {
    const char* kinds[] = {"ddp", "zero1", "zero2", "fsdp"};
    const char* recomputes[] = {"none", "block", "selective"};
    return std::string(model->name) + "; " + kinds[static_cast<int>(data_parallel)] +
           ", recompute " + recomputes[static_cast<int>(recompute)] + ", " +
           std::to_string(micro_steps) + " micro-steps";
  }
};

// Rows [begin, begin + count) of a step's global batch.
Batch rows_of_step(const DecoderCase& c, int step, int64_t begin, int64_t count) {
  Batch batch{.rows = count, .length = kRowLength, .source_tokens = {0, 0}};
  for (int64_t i = begin * kRowLength; i < (begin + count) * kRowLength; ++i) {
    const int64_t token = (i * 7 + i * i / 5 + 3 * step) % 50;
    batch.tokens.push_back(token);
    const bool counted = i % 11 != 0;
    batch.targets.push_back(counted ? (token * 3 + 1) % 50 : kIgnoredTarget);
    batch.source_tokens[i / kRowLength % 2] += counted ? 1 : 0;
  }
  for (int64_t pair = 0; pair < count; pair += 2) {  // the case's documents are those of two rows
    batch.document_lengths.insert(
        batch.document_lengths.end(), c.documents.begin(), c.documents.end());
  }
  return batch;
}

class Training {
 public:
  Training(std::shared_ptr<dist::Group> group, ContextParallel context, const RunKind& kind)
      : group_(std::move(group)),
        context_(std::move(context)),
        decoder_(parallel::decoder_of(*kind.model)) {
    ParallelConfig config;
    config.data_parallel = kind.data_parallel;
    data_parallel_ = make_data_parallel(config, *decoder_, group_);
    decoder_->set_block_runner(parallel::make_block_runner(
        {.recompute = kind.recompute, .hooks = data_parallel_->block_hooks()}));
    optimizer_ = std::make_unique<AdamW>(data_parallel_->trained(), OptimizerConfig{.eps = 1e-8});
  }

  TrainStepResult step(const std::vector<Batch>& batches) {
    const TrainStepContext context{.decoder = *decoder_,
                                   .context_parallel = context_,
                                   .data_parallel = *data_parallel_,
                                   .optimizer = *optimizer_,
                                   .group = *group_,
                                   .max_grad_norm = 1.0,
                                   .pin_memory = false};
    return train_step(context, batches, 1e-3, no_wishes());
  }

  // Of all parameters, in the order of their names.
  at::Tensor weights() const {
    std::map<std::string, at::Tensor> by_name;
    for (const auto& [name, value] : data_parallel_->weights()) {
      by_name[name] = value.gather().detach().flatten();
    }
    std::vector<at::Tensor> all;
    for (const auto& [name, value] : by_name) all.push_back(value);
    return at::cat(all);
  }

 private:
  std::shared_ptr<dist::Group> group_;
  ContextParallel context_;
  std::shared_ptr<Decoder> decoder_;
  std::unique_ptr<parallel::DataParallel> data_parallel_;
  std::unique_ptr<AdamW> optimizer_;
};

// What one rank computes.
struct Course {
  std::vector<TrainStepResult> steps;
  at::Tensor weights;
};

// In micro-batches of `rows`: the load-balancing loss is not a sum over them.
const Course& one_rank_course(const DecoderCase& model, int64_t rows) {
  static std::map<std::pair<const DecoderCase*, int64_t>, Course> known;
  const auto [place, is_new] = known.try_emplace({&model, rows});
  Course& course = place->second;
  if (!is_new) return course;
  Training alone(std::make_shared<dist::Group>(), {}, {.model = &model});
  for (int step = 0; step < kNumSteps; ++step) {
    std::vector<Batch> batches;
    for (int64_t begin = 0; begin < kRowsOfStep; begin += rows) {
      batches.push_back(rows_of_step(model, step, begin, rows));
    }
    course.steps.push_back(alone.step(batches));
  }
  course.weights = alone.weights();
  return course;
}

void check_run(dist::Group& world, const ContextParallel& context, const RunKind& kind) {
  SCOPED_TRACE(kind.name());
  const int64_t data_ranks = world.size() / context.size(),
                data_rank = world.rank() / context.size();
  const int64_t rows = kRowsOfStep / data_ranks / kind.micro_steps;
  const Course& expected = one_rank_course(*kind.model, rows);
  Training shared(dist::borrow(world), context, kind);
  double worst_loss = 0;
  for (int step = 0; step < kNumSteps; ++step) {
    std::vector<Batch> own;
    for (int64_t n = data_rank * kind.micro_steps; n < (data_rank + 1) * kind.micro_steps; ++n) {
      own.push_back(rows_of_step(*kind.model, step, n * rows, rows));
    }
    const TrainStepResult& want = expected.steps[static_cast<size_t>(step)];
    const TrainStepResult got = shared.step(own);
    EXPECT_EQ(got.tokens, want.tokens);
    EXPECT_EQ(got.source_tokens, want.source_tokens);
    worst_loss = std::max(worst_loss, std::abs(got.loss / want.loss - 1));
    EXPECT_NEAR(got.grad_norm, want.grad_norm, 1e-4 * want.grad_norm);
  }
  const double weights =
      ((shared.weights() - expected.weights).norm() / expected.weights.norm()).item<double>();
  EXPECT_LE(worst_loss, 1e-5);
  EXPECT_LE(weights, 1e-5);
  if (world.rank() == 0 && !dist::test_variable("ROPEWALK_PRINT").empty()) {
    std::printf("%d of %d ranks to a sequence; %s: loss %.1e, weights %.1e\n",
                context.size(),
                world.size(),
                kind.name().c_str(),
                worst_loss,
                weights);
  }
}

RANK_BODY(train_over_context_ranks) {
  ParallelConfig config;
  config.context_parallel = std::stoi(dist::test_variable("CONTEXT"));
  if (dist::test_variable("METHOD") == "ulysses") {
    config.context_parallel_method = ContextParallelMethod::kUlysses;
  }
  const ContextParallel context = ContextParallel::among(group, config);
  const int64_t first = std::stoi(dist::test_variable("FIRST_CASE"));
  const int64_t every = dist::test_variable("ROPEWALK_FULL").empty() ? 2 : 1;
  for (int64_t n = every == 1 ? 0 : first; n < std::ssize(kDecoderCases); n += every) {
    const DecoderCase& c = kDecoderCases[n];
    const bool odd = n / 2 % 2 == 1;
    check_run(
        group,
        context,
        {&c, DataParallelKind::kDdp, odd ? Recompute::kBlock : Recompute::kNone, odd ? 2 : 1});
    check_run(
        group,
        context,
        {&c, DataParallelKind::kFsdp, odd ? Recompute::kNone : Recompute::kBlock, odd ? 1 : 2});
  }
}

struct Sharing {
  int ranks;
  const char* context;  // ranks to a sequence
  const char* method = "ring";
  // Each takes every second model, from 0 or from 1; with ROPEWALK_FULL in the environment all.
  const char* first_case = "0";
};

void expect_training_passes(const Sharing& sharing) {
  dist::RankRun run{"train_over_context_ranks",
                    sharing.ranks,
                    240,
                    {std::string("CONTEXT=") + sharing.context,
                     std::string("METHOD=") + sharing.method,
                     std::string("FIRST_CASE=") + sharing.first_case},
                    ""};
  EXPECT_EQ(dist::run_ranks(run), kExitDone) << run.output;
  if (!dist::test_variable("ROPEWALK_PRINT").empty()) std::printf("%s", run.output.c_str());
}

TEST(ContextParallelTraining, TwoRanksToASequenceTrainAsOne) {
  expect_training_passes({.ranks = 2, .context = "2"});
}
TEST(ContextParallelTraining, FourRanksToASequenceTrainAsOne) {
  expect_training_passes({.ranks = 4, .context = "4", .first_case = "1"});
}
TEST(ContextParallelTraining, TwoSequencesOfTwoRanksEachTrainAsOne) {
  expect_training_passes({.ranks = 4, .context = "2", .first_case = "1"});
}
TEST(ContextParallelTraining, RanksThatExchangeHeadsTrainAsOne) {
  expect_training_passes({.ranks = 4, .context = "2", .method = "ulysses"});
}

}  // namespace
}  // namespace ropewalk

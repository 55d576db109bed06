#include "ropewalk/parallel/sharded.h"

#include <gmock/gmock.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "dist/rank_bodies.h"
#include "ropewalk/optim/adamw.h"
#include "ropewalk/optim/clip.h"
#include "ropewalk/parallel/block_runner.h"
#include "ropewalk/parallel/replicated.h"

namespace ropewalk::parallel {
namespace {

constexpr int64_t kBatchRows =
    12;  // global batch: divisible by 1 to 4 ranks and by 3 micro-batches of one
constexpr int64_t kRowTokens = 10;
constexpr int kTrainSteps = 10;

DecoderSpec grouped_spec() {
  DecoderSpec spec;
  spec.vocab_size = 31;
  spec.hidden_size = 20;
  spec.intermediate_size = 28;
  spec.num_layers = 3;
  spec.layers.resize(3);
  spec.num_heads = 4;
  spec.num_kv_heads = 2;
  spec.head_dim = 6;
  spec.qkv_bias = true;
  spec.rope.head_dim = spec.rope.rotary_dims = 6;
  spec.rope.max_position_embeddings = spec.rope.original_max_position_embeddings = 64;
  return spec;
}

// Tied embeddings, norms after too, windows and soft caps.
DecoderSpec windowed_spec() {
  DecoderSpec spec = grouped_spec();
  spec.tied_embeddings = true;
  spec.post_norms = true;
  spec.norm.weight_offset = 1.0;
  spec.attention_softcap = 20.0;
  spec.logit_softcap = 10.0;
  spec.layers[0].window = spec.layers[2].window = 4;
  return spec;
}

// Latent attention, and experts in the last two blocks.
DecoderSpec latent_spec() {
  DecoderSpec spec = grouped_spec();
  spec.num_kv_heads = 4;
  spec.qkv_bias = false;
  spec.latent = LatentSpec{.q_rank = 8, .kv_rank = 8, .nope_dim = 6, .rope_dim = 4, .value_dim = 6};
  spec.rope.head_dim = spec.rope.rotary_dims = 4;
  spec.experts = ExpertsSpec{};
  spec.experts->num_experts = 4;
  spec.experts->experts_per_token = 2;
  spec.experts->intermediate_size = 12;
  spec.layers[1].experts = spec.layers[2].experts = true;
  return spec;
}

DecoderSpec spec_of(const std::string& name) {
  if (name == "windowed") return windowed_spec();
  return name == "latent" ? latent_spec() : grouped_spec();
}

struct Setup {
  std::string model = "grouped";
  DataParallelKind kind = DataParallelKind::kFsdp;
  Recompute recompute = Recompute::kBlock;
  int64_t micro_steps = 1;
  int64_t shard_size = 0;
  at::ScalarType reduce_type = at::kFloat;
  at::ScalarType compute_type = at::kFloat;
  bool frozen_embedding = false;
};

struct DecoderRun {
  DecoderRun(const Setup& setup, dist::Group& ranks) : setup(setup), group(ranks) {
    decoder = build_decoder(spec_of(setup.model), {.compute_dtype = setup.compute_type});
    decoder->initialize(1);
    if (setup.frozen_embedding) {
      decoder->named_parameters()["embed_tokens.weight"].set_requires_grad(false);
      decoder->named_parameters()["layers.1.attention.qkv.bias"].set_requires_grad(false);
    }
    if (setup.kind == DataParallelKind::kDdp) {
      data_parallel = std::make_unique<ReplicatedDataParallel>(decoder->parameters_by_name(),
                                                               dist::borrow(group));
    } else {
      data_parallel = std::make_unique<ShardedDataParallel>(
          sharded_units(*decoder),
          make_shard_groups(dist::borrow(group), setup.shard_size),
          ShardedOptions{.kind = setup.kind, .reduce_type = setup.reduce_type});
    }
    decoder->set_block_runner(
        make_block_runner({.recompute = setup.recompute, .hooks = data_parallel->block_hooks()}));
    optimizer = std::make_unique<AdamW>(
        data_parallel->trained(), OptimizerConfig{.learning_rate = 1e-3, .weight_decay = 0.1});
  }

  at::Tensor loss_sum(const at::Tensor& rows) {
    return decoder->loss_sum(rows.slice(1, 0, kRowTokens), rows.slice(1, 1));
  }

  // The mean loss of the global batch.
  double step(int number) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(number + 7));
    const at::Tensor rows = at::randint(0, 31, {kBatchRows, kRowTokens + 1}, generator, at::kLong);
    const auto micro_batches =
        rows.chunk(group.size())[static_cast<size_t>(group.rank())].chunk(setup.micro_steps);
    optimizer->zero_grad();
    double total = 0;
    for (size_t i = 0; i < micro_batches.size(); ++i) {
      data_parallel->begin_micro_batch(i + 1 == micro_batches.size());
      const at::Tensor sum = loss_sum(micro_batches[i]);
      const at::Tensor loss = sum / (kBatchRows * kRowTokens);
      data_parallel->prepare_backward(loss);
      loss.backward();
      data_parallel->end_micro_batch();
      total += sum.item<double>();
    }
    data_parallel->finish_step();
    norm = clip_grad_norm(data_parallel->trained(), 0.5, [&](double sum) {
             return data_parallel->sum_over_shards(sum);
           }).norm;
    optimizer->step(1e-3);
    return group.sum(total) / (kBatchRows * kRowTokens);
  }

  std::map<std::string, at::Tensor> weights() const {
    std::map<std::string, at::Tensor> whole;
    for (const auto& [name, tensor] : data_parallel->weights()) {
      whole.emplace(name, tensor.gather().clone());
    }
    return whole;
  }

  Setup setup;
  dist::Group& group;
  std::shared_ptr<Decoder> decoder;
  std::unique_ptr<DataParallel> data_parallel;
  std::unique_ptr<AdamW> optimizer;
  double norm = 0;
};

double distance(const std::map<std::string, at::Tensor>& a,
                const std::map<std::string, at::Tensor>& b) {
  EXPECT_EQ(a.size(), b.size());
  double difference = 0, size = 0;
  for (const auto& [name, tensor] : a) {
    difference += (tensor - b.at(name)).pow(2).sum(at::kDouble).item<double>();
    size += tensor.pow(2).sum(at::kDouble).item<double>();
  }
  return std::sqrt(difference / size);
}

// What one rank computes with ddp.
struct Course {
  std::vector<double> losses, norms;
  std::map<std::string, at::Tensor> weights;
};

const Course& one_rank_course(const Setup& setup) {
  static std::map<std::tuple<std::string, at::ScalarType, bool>, Course> known;
  const auto [place, is_new] =
      known.try_emplace({setup.model, setup.compute_type, setup.frozen_embedding});
  Course& course = place->second;
  if (!is_new) return course;
  dist::Group alone;
  DecoderRun run({.model = setup.model,
                  .kind = DataParallelKind::kDdp,
                  .recompute = Recompute::kNone,
                  .compute_type = setup.compute_type,
                  .frozen_embedding = setup.frozen_embedding},
                 alone);
  for (int i = 0; i < kTrainSteps; ++i) {
    course.losses.push_back(run.step(i));
    course.norms.push_back(run.norm);
  }
  course.weights = run.weights();
  return course;
}

struct Tolerance {
  double loss = 1e-5, weights = 1e-5;
};

void expect_equals_one_rank(const Setup& setup,
                            dist::Group& group,
                            const Tolerance& tolerance = {}) {
  const Course& expected = one_rank_course(setup);
  DecoderRun found(setup, group);
  for (size_t i = 0; i < expected.losses.size(); ++i) {
    const double loss = expected.losses[i], norm = expected.norms[i];
    EXPECT_NEAR(found.step(static_cast<int>(i)), loss, tolerance.loss * loss) << "step " << i;
    EXPECT_NEAR(found.norm, norm, 10 * tolerance.loss * norm) << "step " << i;
  }
  EXPECT_LT(distance(found.weights(), expected.weights), tolerance.weights);
}

std::vector<Setup> all_setups(dist::Group& group) {
  std::vector<Setup> setups;
  for (const auto kind :
       {DataParallelKind::kFsdp, DataParallelKind::kZero2, DataParallelKind::kZero1}) {
    for (const auto recompute : {Recompute::kNone, Recompute::kBlock}) {
      for (const int64_t micro_steps : {1, 3}) {
        for (const int64_t shard_size : {0, 2}) {
          if (shard_size != 0 && group.size() != 4) continue;
          setups.push_back({.kind = kind,
                            .recompute = recompute,
                            .micro_steps = micro_steps,
                            .shard_size = shard_size});
        }
      }
    }
  }
  return setups;
}

RANK_BODY(all_kinds_equal_one_rank) {
  for (const Setup& setup : all_setups(group)) {
    SCOPED_TRACE(::testing::Message() << "kind " << static_cast<int>(setup.kind) << " recompute "
                                      << static_cast<int>(setup.recompute) << " micro "
                                      << setup.micro_steps << " shard size " << setup.shard_size);
    expect_equals_one_rank(setup, group);
  }
}

TEST(Sharded, OneRankEqualsDdp) { dist::expect_ranks_pass("all_kinds_equal_one_rank", 1); }
TEST(Sharded, TwoRanksEqualOne) { dist::expect_ranks_pass("all_kinds_equal_one_rank", 2); }
TEST(Sharded, ThreeRanksEqualOne) { dist::expect_ranks_pass("all_kinds_equal_one_rank", 3); }
TEST(Sharded, FourRanksAndHybridEqualOne) {
  dist::expect_ranks_pass("all_kinds_equal_one_rank", 4);
}

RANK_BODY(other_models_equal_one_rank) {
  for (const std::string model : {"windowed", "latent"}) {
    for (const auto kind : {DataParallelKind::kFsdp, DataParallelKind::kZero1}) {
      for (const auto recompute : {Recompute::kNone, Recompute::kBlock, Recompute::kSelective}) {
        SCOPED_TRACE(model);
        expect_equals_one_rank({.model = model, .kind = kind, .recompute = recompute}, group);
      }
    }
  }
}

TEST(Sharded, OtherModelsEqualOneRank) {
  dist::expect_ranks_pass("other_models_equal_one_rank", 2);
}

RANK_BODY(frozen_parameters) {
  const Setup setup{.frozen_embedding = true};
  DecoderRun run(setup, group);
  const auto before = run.weights();
  expect_equals_one_rank(setup, group);
  run.step(0);
  const auto after = run.weights();
  for (const std::string name : {"embed_tokens.weight", "layers.1.attention.qkv.bias"}) {
    EXPECT_TRUE(after.at(name).equal(before.at(name))) << name;
  }
  EXPECT_FALSE(after.at("layers.0.mlp.down.weight").equal(before.at("layers.0.mlp.down.weight")));
  for (const auto& [name, tensor] : run.data_parallel->trained()) {
    EXPECT_NE(name, "embed_tokens.weight");
  }
}

TEST(Sharded, FrozenParametersAreShardedAndLeftAlone) {
  dist::expect_ranks_pass("frozen_parameters", 2);
}

// The same products in bf16, so that only the rounding of what is sent differs.
RANK_BODY(bf16_is_near_one_rank) {
  for (const auto kind : {DataParallelKind::kFsdp, DataParallelKind::kZero2}) {
    for (const auto reduce_type : {at::kFloat, at::kBFloat16}) {
      expect_equals_one_rank({.model = "latent",
                              .kind = kind,
                              .micro_steps = 2,
                              .reduce_type = reduce_type,
                              .compute_type = at::kBFloat16},
                             group,
                             {.loss = 2e-3, .weights = 2e-3});
    }
  }
}

TEST(Sharded, Bf16IsNearOneRank) { dist::expect_ranks_pass("bf16_is_near_one_rank", 2); }

// A backward pass that ends with the last block gathers nothing for the blocks below.
RANK_BODY(frozen_blocks_are_not_gathered_again) {
  auto decoder = build_decoder(grouped_spec());
  decoder->initialize(1);
  decoder->named_parameters()["embed_tokens.weight"].set_requires_grad(false);
  for (const size_t frozen : {0, 1}) {
    for (const at::Tensor& parameter : decoder->blocks()[frozen]->parameters()) {
      parameter.set_requires_grad(false);
    }
  }
  ShardedDataParallel data_parallel(
      sharded_units(*decoder), make_shard_groups(dist::borrow(group), 0), {});
  decoder->set_block_runner(make_block_runner({.hooks = data_parallel.block_hooks()}));
  const at::Tensor tokens = at::ones({1, 4}, at::kLong);
  const auto sent_by = [&](auto pass) {
    const int64_t before = group.sent_bytes();
    pass();
    return group.sent_bytes() - before;
  };
  const int64_t forward = sent_by([&] {
    at::NoGradGuard no_grad;
    data_parallel.begin_evaluation();
    decoder->loss_sum(tokens, tokens);
    data_parallel.end_evaluation();
  });
  const int64_t step = sent_by([&] {
    data_parallel.begin_micro_batch(true);
    decoder->loss_sum(tokens, tokens).backward();
    data_parallel.end_micro_batch();
    data_parallel.finish_step();
  });
  double trained = 0;
  for (const auto& [name, tensor] : data_parallel.trained()) {
    trained += static_cast<double>(tensor.numel());
  }
  EXPECT_NEAR(static_cast<double>(step - forward) / (trained / 2 * sizeof(float)), 1.0, 0.1);
}

TEST(Sharded, FrozenFirstBlocksAreNotGatheredForBackward) {
  dist::expect_ranks_pass("frozen_blocks_are_not_gathered_again", 2);
}

RANK_BODY(evaluates_between_steps) {
  for (const auto kind : {DataParallelKind::kFsdp, DataParallelKind::kZero1}) {
    dist::Group alone;
    DecoderRun expected({.kind = DataParallelKind::kDdp}, alone), found({.kind = kind}, group);
    const at::Tensor rows = at::arange(2 * (kRowTokens + 1)).view({2, -1});
    for (int i = 0; i < 3; ++i) {
      expected.step(i);
      found.step(i);
      at::NoGradGuard no_grad;
      found.data_parallel->begin_evaluation();
      for (int pass = 0; pass < 2; ++pass) {
        EXPECT_NEAR(
            found.loss_sum(rows).item<double>(), expected.loss_sum(rows).item<double>(), 1e-3);
      }
      found.data_parallel->end_evaluation();
    }
    EXPECT_LT(distance(found.weights(), expected.weights()), 1e-5);
  }
}

TEST(Sharded, EvaluatesTheUpdatedWeightsBetweenSteps) {
  dist::expect_ranks_pass("evaluates_between_steps", 2);
}

RANK_BODY(holds_a_share_only) {
  DecoderRun run({}, group);
  int64_t own = 0, all = 0;
  for (const auto& [name, tensor] : run.data_parallel->weights()) {
    own += tensor.local().numel();
    all += tensor.numel();
  }
  EXPECT_LE(own, all / group.size() + 32 * 4 * 3);  // padding of four units
  const auto bytes_of = [](const at::Tensor& tensor) { return tensor.storage().nbytes(); };
  run.step(0);
  for (const auto& item : run.decoder->named_parameters()) {
    EXPECT_EQ(bytes_of(item.value()), 0u) << item.key();
    EXPECT_FALSE(item.value().grad().defined()) << item.key();
  }
}

TEST(Sharded, FsdpHoldsAShareBetweenSteps) { dist::expect_ranks_pass("holds_a_share_only", 3); }

RANK_BODY(dies_during_a_gather) {
  DecoderRun run({}, group);
  run.step(0);
  if (group.rank() == 1) ::_exit(9);
  run.step(1);
}

TEST(Sharded, ARankThatDiesDuringAGatherEndsTheOthersAndIsNamed) {
  dist::RankRun run{"dies_during_a_gather", 3, 60, {}, ""};
  EXPECT_EQ(dist::run_ranks(run), kExitFailure);
  EXPECT_THAT(run.output, ::testing::HasSubstr("rank 1 (process "));
  EXPECT_THAT(run.output, ::testing::HasSubstr("ended with exit code 9"));
}

}  // namespace
}  // namespace ropewalk::parallel

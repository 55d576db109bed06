// What one rank of a large job holds and sends, against the plan: equal to the byte.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "ropewalk/plan/memory.h"
#include "ropewalk/plan/sent_bytes.h"
#include "train/simulated_rank.h"

namespace ropewalk {
namespace {

using plan::Moment;
using plan::RunShape;
using plan::Use;
using plan::UseBytes;
using simulated::Rank;

// Sizes that are no multiples of what shards are cut at.
DecoderSpec odd_spec() {
  DecoderSpec spec;
  spec.model_type = "llama";
  spec.vocab_size = 1003;
  spec.hidden_size = 80;
  spec.intermediate_size = 211;
  spec.num_layers = 4;
  spec.layers.resize(4);
  spec.num_heads = 8;
  spec.num_kv_heads = 4;
  spec.head_dim = 10;
  spec.rope.head_dim = spec.rope.rotary_dims = 10;
  spec.rope.max_position_embeddings = spec.rope.original_max_position_embeddings = 64;
  return spec;
}

RunShape job(int64_t ranks, DataParallelKind kind) {
  RunShape shape;
  shape.ranks = ranks;
  shape.sequence_length = 32;
  shape.global_batch_size = ranks;
  shape.parallel.data_parallel = kind;
  return shape;
}

UseBytes planned_at(const RunShape& shape, Moment moment) {
  for (const plan::MemoryAt& at : plan::MemoryModel(odd_spec()).plan(shape).moments) {
    if (at.moment == moment) return at.bytes;
  }
  return {};
}

int64_t planned_sent(const RunShape& shape) { return sent_bytes(odd_spec(), shape).total(); }

std::string describe(const RunShape& shape) {
  const ParallelConfig& parallel = shape.parallel;
  const auto name = [](auto value) { return std::string(enum_name(value)) + " "; };
  return std::to_string(shape.ranks) + " ranks " + name(parallel.data_parallel) +
         std::to_string(parallel.shard_size) + " " + name(shape.precision) +
         name(parallel.reduce_dtype) + name(parallel.recompute) +
         std::to_string(shape.micro_steps()) + " micro-steps, context " +
         std::to_string(parallel.context_parallel) + " " + name(parallel.context_parallel_method);
}

void expect_as_planned(const RunShape& shape) {
  SCOPED_TRACE(describe(shape));
  Rank rank(odd_spec(), shape, static_cast<int>(shape.ranks / 2));
  rank.step();
  rank.step();  // ends with what lasts, and buckets that are settled
  EXPECT_EQ(rank.sent_bytes(), planned_sent(shape));

  const UseBytes loss = planned_at(shape, Moment::kLoss), block = planned_at(shape, Moment::kBlock);
  const bool is_fsdp = shape.parallel.data_parallel == DataParallelKind::kFsdp;
  EXPECT_EQ(rank.weight_bytes(),
            of(loss, Use::kWeights) + (is_fsdp ? 0 : of(loss, Use::kGathered)));
  EXPECT_EQ(rank.weight_bytes_at_loss(), of(loss, Use::kWeights) + of(loss, Use::kGathered));
  EXPECT_EQ(rank.most_at_block(), of(block, Use::kWeights) + of(block, Use::kGathered));
  EXPECT_EQ(rank.moment_bytes() + 2 * rank.padding_bytes(), of(loss, Use::kMoments));
  // `zero1` has summed the micro-steps in whole gradients, which are gone by now.
  RunShape single = shape;
  single.global_batch_size /= shape.micro_steps();
  EXPECT_EQ(rank.gradient_bytes(), of(planned_at(single, Moment::kLoss), Use::kGradients));
}

TEST(SimulatedRanks, HoldAndSendWhatIsPlanned) {
  for (const int64_t ranks : {64, 256, 1024}) {
    for (const auto kind :
         {DataParallelKind::kZero1, DataParallelKind::kZero2, DataParallelKind::kFsdp}) {
      expect_as_planned(job(ranks, kind));
    }
  }
}

TEST(SimulatedRanks, InBf16NormsAreFlatBuffersOfTheirOwn) {
  for (const auto kind : {DataParallelKind::kZero2, DataParallelKind::kFsdp}) {
    RunShape shape = job(64, kind);
    shape.precision = Precision::kBf16;
    expect_as_planned(shape);
    shape.parallel.reduce_dtype = ReduceDtype::kBf16;
    expect_as_planned(shape);
  }
}

TEST(SimulatedRanks, AccumulateAsPlanned) {
  for (const auto kind :
       {DataParallelKind::kZero1, DataParallelKind::kZero2, DataParallelKind::kFsdp}) {
    RunShape shape = job(256, kind);
    shape.global_batch_size *= 3;
    expect_as_planned(shape);
  }
}

TEST(SimulatedRanks, HybridShardsAreSummedOverTheCopies) {
  for (const int64_t share : {8, 24}) {
    for (const auto kind :
         {DataParallelKind::kZero1, DataParallelKind::kZero2, DataParallelKind::kFsdp}) {
      RunShape shape = job(share * 9, kind);  // nine copies, which divide no shard
      shape.parallel.shard_size = share;
      shape.global_batch_size *= 2;
      expect_as_planned(shape);
    }
  }
}

TEST(SimulatedRanks, ShareSequencesAsPlanned) {
  for (const auto method : {ContextParallelMethod::kRing, ContextParallelMethod::kUlysses}) {
    for (const auto recompute : {Recompute::kNone, Recompute::kSelective, Recompute::kBlock}) {
      for (const auto precision : {Precision::kFp32, Precision::kBf16}) {
        RunShape shape = job(64, DataParallelKind::kFsdp);
        shape.global_batch_size = 16;  // two micro-steps
        shape.precision = precision;
        shape.parallel.recompute = recompute;
        shape.parallel.context_parallel = 8;
        shape.parallel.context_parallel_method = method;
        expect_as_planned(shape);
      }
    }
  }
}

// dist::Group does not see what c10d's reducer sends: what it is asked to sum is counted instead.
TEST(SimulatedRanks, DdpSumsEveryGradientOnceAStep) {
  RunShape shape = job(64, DataParallelKind::kDdp);
  shape.global_batch_size *= 2;
  Rank rank(odd_spec(), shape, 3);
  rank.step();
  rank.step();
  EXPECT_EQ(rank.sent_bytes(), 0);
  EXPECT_EQ(2 * (rank.all_reduced_bytes() * 63 / 64), planned_sent(shape));
  const UseBytes planned = planned_at(shape, Moment::kLoss);
  EXPECT_EQ(rank.weight_bytes(), of(planned, Use::kWeights));
  EXPECT_EQ(rank.gradient_bytes(), of(planned, Use::kGradients));
  EXPECT_EQ(rank.moment_bytes(), of(planned, Use::kMoments));
}

TEST(SimulatedRanks, Zero1KeepsWholeGradientsBetweenMicroSteps) {
  RunShape shape = job(64, DataParallelKind::kZero1);
  const int64_t shards = of(planned_at(shape, Moment::kLoss), Use::kGradients);
  shape.global_batch_size *= 3;
  Rank rank(odd_spec(), shape, 3);
  rank.step();
  rank.step();
  EXPECT_EQ(rank.kept_after_micro_step(),
            of(planned_at(shape, Moment::kLoss), Use::kGradients) - shards);
}

}  // namespace
}  // namespace ropewalk

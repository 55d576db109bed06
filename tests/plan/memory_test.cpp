#include "ropewalk/plan/memory.h"

#include <gmock/gmock.h>

#include "plan/plan_test_tools.h"
#include "ropewalk/spec/formulas.h"

namespace ropewalk::plan {
namespace {

constexpr int64_t kFloat = 4;

RunShape cpu_shape(int64_t length) {
  RunShape shape;
  shape.sequence_length = length;
  return shape;
}

int64_t use_at(const DecoderSpec& spec, const RunShape& shape, Moment moment, Use use) {
  return of(at(MemoryModel(spec).plan(shape), moment), use);
}

TEST(PlannedMemory, StatesOfOneRankAreFourNumbersForEachParameter) {
  const DecoderSpec spec = spec_from(small_llama());
  const int64_t bytes = kFloat * parameter_count(spec);
  const MemoryPlan plan = MemoryModel(spec).plan(cpu_shape(128));
  for (const MemoryAt& moment : plan.moments) {
    EXPECT_EQ(of(moment.bytes, Use::kWeights), bytes);
    EXPECT_EQ(of(moment.bytes, Use::kGradients), bytes);
    EXPECT_EQ(of(moment.bytes, Use::kMoments), 2 * bytes);
  }
}

// Per token and block, in fp32: input and middle [D], queries and result [D], keys and values of
// half as many heads, gate and up [2 F], log totals of 4 heads and two norms' statistics.
TEST(PlannedMemory, KeptActivationsAreWhatTheOpsSaveForBackward) {
  const DecoderSpec spec = spec_from(small_llama());
  const int64_t block = kFloat * (4 * 64 + 2 * 32 + 2 * 160 + 4 + 2);
  // The final norm's input and its statistics; the batch; the rotary tables.
  const int64_t tokens = 128, rest = tokens * (kFloat * 65 + 16 + kFloat * 16);
  EXPECT_EQ(use_at(spec, cpu_shape(tokens), Moment::kLoss, Use::kActivations),
            3 * block * tokens + rest);
}

// Two updates of rank 2 in the merged projection, one behind the gate.
TEST(PlannedMemory, LowRankUpdatesKeepTheirInputsAndProducts) {
  const DecoderSpec plain = spec_from(small_llama());
  DecoderSpec updated = plain;
  updated.lora = LoraSpec{.rank = 2,
                          .scale = 1.0,
                          .targets = {{"attention.qkv", {{"q", 0, 64}, {"k", 64, 96}}},
                                      {"mlp.down", {{"down", 0, 64}}}}};
  const auto kept = [](const DecoderSpec& spec) {
    return use_at(spec, cpu_shape(128), Moment::kLoss, Use::kActivations);
  };
  EXPECT_EQ(kept(updated) - kept(plain), 3 * 128 * kFloat * (64 + 2 * 2 + 160 + 2));
}

TEST(PlannedMemory, RecomputeKeepsBlockInputsAndSelectiveAttentionBesides) {
  const DecoderSpec spec = spec_from(small_llama());
  RunShape shape = cpu_shape(128);
  const auto kept = [&](Recompute recompute) {
    shape.parallel.recompute = recompute;
    return use_at(spec, shape, Moment::kLoss, Use::kActivations);
  };
  const int64_t none = kept(Recompute::kNone), selective = kept(Recompute::kSelective),
                block = kept(Recompute::kBlock);
  const int64_t input = 3 * 128 * kFloat * 64, core = 3 * 128 * kFloat * (2 * 64 + 2 * 32 + 4);
  EXPECT_EQ(selective - block, core);
  EXPECT_EQ(none - selective, 3 * 128 * kFloat * (64 + 2 * 160 + 2));
  shape.device = Device::kCuda;
  const int64_t on_device = kept(Recompute::kBlock);
  shape.parallel.offload_block_inputs = true;
  EXPECT_EQ(on_device - kept(Recompute::kBlock), input);
  EXPECT_EQ(MemoryModel(spec).plan(shape).host_bytes, input);
}

TEST(PlannedMemory, TheLossHoldsOneChunkOfLogitsAndTheHeadsGradient) {
  const DecoderSpec spec = spec_from(small_llama());
  RunShape shape = cpu_shape(512);
  shape.loss_chunk_tokens = 100;
  EXPECT_EQ(use_at(spec, shape, Moment::kLoss, Use::kLogits), 100 * 1000 * kFloat);
  EXPECT_EQ(use_at(spec, shape, Moment::kLoss, Use::kHeadGradient), 1000 * 64 * kFloat);
  EXPECT_EQ(use_at(spec, shape, Moment::kBlock, Use::kHeadGradient), 0);
  shape.loss_chunk_tokens = 4096;  // more than there are
  EXPECT_EQ(use_at(spec, shape, Moment::kLoss, Use::kLogits), 512 * 1000 * kFloat);
}

TEST(PlannedMemory, ATiedHeadsGradientWaitsForTheEmbeddings) {
  Json config = small_llama();
  config["tie_word_embeddings"] = true;
  const DecoderSpec spec = spec_from(config);
  EXPECT_EQ(use_at(spec, cpu_shape(512), Moment::kBlock, Use::kHeadGradient), 1000 * 64 * kFloat);
}

// Numbers of a block of Llama-3.1-8B.
constexpr int64_t kBlockMatrices = 4096 * (4096 + 2 * 1024) + 4096 * 4096 + 3 * 4096 * 14336;
constexpr int64_t kBlockNorms = 2 * 4096;

TEST(PlannedMemory, FsdpHoldsShardsAndTwoGatheredBlocks) {
  const DecoderSpec spec = llama_8b();
  RunShape shape = gpu_shape(8, 8192);
  shape.parallel.data_parallel = DataParallelKind::kFsdp;
  const int64_t parameters = parameter_count(spec);
  EXPECT_EQ(use_at(spec, shape, Moment::kLoss, Use::kWeights), parameters * 4 / 8);
  EXPECT_EQ(use_at(spec, shape, Moment::kLoss, Use::kGradients), parameters * 4 / 8);
  EXPECT_EQ(use_at(spec, shape, Moment::kLoss, Use::kMoments), parameters * 8 / 8);
  // Embedding and head in bf16, the final norm in fp32; blocks likewise.
  const int64_t root = 2 * 128256 * 4096 * 2 + 4096 * 4;
  const int64_t block = kBlockMatrices * 2 + kBlockNorms * 4;
  // The last block stays for its backward. There the one before comes, and gradients are made.
  EXPECT_EQ(use_at(spec, shape, Moment::kLoss, Use::kGathered), root + block);
  EXPECT_EQ(use_at(spec, shape, Moment::kBlock, Use::kGathered), root + 3 * block);
  // Gradients of the block behind, and this rank's part of their sum.
  const int64_t on_their_way = (kBlockMatrices + kBlockNorms) * 9 / 8;
  EXPECT_EQ(use_at(spec, shape, Moment::kBlock, Use::kCommunication), 4 * on_their_way);
  shape.device = Device::kCpu;  // Gloo sums in a copy and receives in a part
  EXPECT_EQ(use_at(spec, shape, Moment::kBlock, Use::kCommunication), 2 * 4 * on_their_way);
  shape.parallel.reduce_dtype = ReduceDtype::kBf16;
  EXPECT_EQ(use_at(spec, shape, Moment::kBlock, Use::kCommunication), 2 * 2 * on_their_way);
  shape.parallel.shard_size = 4;
  EXPECT_EQ(use_at(spec, shape, Moment::kLoss, Use::kWeights), parameters * 4 / 4);
}

TEST(PlannedMemory, KindsOfDataParallelismHoldWhatTheyDoNotShare) {
  const DecoderSpec spec = llama_8b();
  RunShape shape = gpu_shape(8, 8192);
  const int64_t parameters = parameter_count(spec), shard = parameters * 4 / 8;
  const auto uses = [&](DataParallelKind kind) {
    shape.parallel.data_parallel = kind;
    return at(MemoryModel(spec).plan(shape), Moment::kLoss);
  };
  const UseBytes zero2 = uses(DataParallelKind::kZero2);
  EXPECT_EQ(of(zero2, Use::kWeights), shard);
  EXPECT_EQ(of(zero2, Use::kGradients), shard);
  EXPECT_NEAR(
      static_cast<double>(of(zero2, Use::kGathered)), 2.0 * static_cast<double>(parameters), 2e6);
  EXPECT_EQ(of(uses(DataParallelKind::kZero1), Use::kGradients), shard);
  shape.global_batch_size *= 2;  // summed over micro-steps before they are shared
  EXPECT_EQ(of(uses(DataParallelKind::kZero1), Use::kGradients), parameters * 4 + shard);
  EXPECT_EQ(of(uses(DataParallelKind::kZero2), Use::kGradients), shard);
  shape.precision = Precision::kFp32;  // a shard is a view of the gathered weights
  EXPECT_EQ(of(uses(DataParallelKind::kZero2), Use::kGathered), parameters * 4 - shard);
}

TEST(PlannedMemory, DdpKeepsGradientsBesideItsBucketsWhileItAccumulates) {
  const DecoderSpec spec = llama_8b();
  RunShape shape = gpu_shape(8, 8192);
  EXPECT_EQ(use_at(spec, shape, Moment::kLoss, Use::kCommunication), 0);
  shape.global_batch_size *= 2;
  EXPECT_EQ(use_at(spec, shape, Moment::kLoss, Use::kCommunication), 4 * parameter_count(spec));
}

TEST(PlannedMemory, ContextParallelRanksHoldTheirTokensAndWhatTravels) {
  const DecoderSpec spec = llama_8b();
  RunShape shape = gpu_shape(8, 65536);
  shape.global_batch_size = 1;
  const auto uses = [&](Use use, int64_t pieces) {
    shape.parallel.context_parallel = pieces;
    return use_at(spec, shape, Moment::kLoss, use);
  };
  // Each rank has the rotary table of all positions, and that of its own.
  const int64_t table = 65536 * spec.rope.rotary_dims * 4;
  EXPECT_EQ(8 * (uses(Use::kActivations, 8) - table - table / 8),
            uses(Use::kActivations, 1) - table);
  // Ulysses also keeps attention's result as its tokens' ranks have it.
  shape.parallel.context_parallel_method = ContextParallelMethod::kUlysses;
  const int64_t ulysses = uses(Use::kActivations, 8);
  shape.parallel.context_parallel_method = ContextParallelMethod::kRing;
  EXPECT_EQ(ulysses - uses(Use::kActivations, 8), int64_t{32} * (65536 / 8) * 32 * 128 * 2);
}

TEST(PlannedMemory, OffloadedMomentsAreInHostMemory) {
  const DecoderSpec spec = llama_8b();
  RunShape shape = gpu_shape(8, 8192);
  shape.parallel.data_parallel = DataParallelKind::kFsdp;
  shape.parallel.offload_optimizer = true;
  EXPECT_EQ(use_at(spec, shape, Moment::kLoss, Use::kMoments), 0);
  EXPECT_EQ(MemoryModel(spec).plan(shape).host_bytes, parameter_count(spec));
}

TEST(PlannedMemory, FrozenParametersHaveNeitherGradientsNorMoments) {
  const DecoderSpec spec = spec_from(small_llama());
  RunShape shape = cpu_shape(128);
  shape.trained_share = 0.5;
  EXPECT_EQ(use_at(spec, shape, Moment::kLoss, Use::kMoments), kFloat * parameter_count(spec));
  EXPECT_EQ(use_at(spec, shape, Moment::kLoss, Use::kWeights), kFloat * parameter_count(spec));
}

// Every family's ops are listed: what a block keeps beyond a plain one of the same sizes.
TEST(PlannedMemory, WhatABlockHasBesidesAppearsInWhatItKeeps) {
  DecoderSpec plain = spec_from(small_llama());
  const int64_t base = use_at(plain, cpu_shape(64), Moment::kLoss, Use::kActivations);
  const auto more = [&](auto change) {
    DecoderSpec spec = plain;
    change(spec);
    return use_at(spec, cpu_shape(64), Moment::kLoss, Use::kActivations) - base;
  };
  const int64_t per_layer = 3 * 64 * kFloat;
  EXPECT_EQ(more([](DecoderSpec& s) { s.norm.kind = NormKind::kLayer; }), per_layer * 2 * (64 + 1));
  EXPECT_EQ(more([](DecoderSpec& s) { s.post_norms = true; }), per_layer * 2 * (64 + 2));
  EXPECT_EQ(more([](DecoderSpec& s) { s.qk_norm = QkNorm::kHead; }),
            per_layer * (64 + 2 * 32 + 4 + 2));
  EXPECT_EQ(more([](DecoderSpec& s) { s.gated_mlp = false; }), -per_layer * 160);
  EXPECT_EQ(more([](DecoderSpec& s) { s.residual = ResidualKind::kParallel; }), -per_layer * 64);
}

TEST(PlannedMemory, ExpertsKeepTheRowsOfTheirChoices) {
  DecoderSpec spec = spec_from(small_llama());
  const int64_t dense = use_at(spec, cpu_shape(64), Moment::kLoss, Use::kActivations);
  spec.experts.emplace();
  spec.experts->num_experts = 8;
  spec.experts->experts_per_token = 2;
  spec.experts->intermediate_size = 160;
  for (LayerSpec& layer : spec.layers) layer.experts = true;
  const int64_t rows = 2 * (kFloat * (2 * 64 + 3 * 160 + 1) + 2 * 8);
  const int64_t scores = 3 * 8 * kFloat, normed = 64 * kFloat;
  EXPECT_EQ(use_at(spec, cpu_shape(64), Moment::kLoss, Use::kActivations) - dense,
            3 * 64 * (rows + scores + normed - 2 * 160 * kFloat));
}

TEST(PlannedMemory, LongestSequenceFitsAndTheNextDoesNot) {
  const DecoderSpec spec = llama_8b();
  const MemoryModel model(spec);
  RunShape shape = gpu_shape(8, 1024);
  shape.parallel.data_parallel = DataParallelKind::kFsdp;
  for (const int64_t pieces : {1, 2, 8}) {
    shape.parallel.context_parallel = pieces;
    const int64_t memory = int64_t{79} << 30;
    shape.sequence_length = model.longest_sequence(shape, memory);
    EXPECT_GT(shape.sequence_length, 0);
    EXPECT_EQ(shape.sequence_length % 128, 0);
    EXPECT_LE(model.plan(shape).peak_bytes(), memory);
    shape.sequence_length += 128;
    EXPECT_GT(model.plan(shape).peak_bytes(), memory);
  }
  EXPECT_EQ(model.longest_sequence(shape, int64_t{1} << 30), 0);
}

TEST(PlannedMemory, ASaveInTheBackgroundHoldsWhatTheRankWrites) {
  const MemoryModel model(spec_from(small_llama()));
  const int64_t count = parameter_count(spec_from(small_llama()));
  const auto copy_of = [&](const RunShape& shape) {
    return of(at(model.plan(shape), Moment::kLoss), Use::kSavedCopy);
  };
  RunShape shape = cpu_shape(256);
  EXPECT_EQ(copy_of(shape), 0);
  shape.async_save = true;
  EXPECT_EQ(copy_of(shape), 12 * count);
  // One of two ranks writes the optimizer's file; in bf16 the other writes both files of weights.
  shape.ranks = shape.global_batch_size = 2;
  EXPECT_EQ(copy_of(shape), 8 * count);
  shape.precision = Precision::kBf16;
  EXPECT_EQ(copy_of(shape), 8 * count);
  shape.parallel.data_parallel = DataParallelKind::kFsdp;
  EXPECT_NEAR(copy_of(shape), 12 * count / 2, 12 * count / 100);
  // Beside a GPU the copy is on the host.
  shape.device = Device::kCuda;
  EXPECT_EQ(copy_of(shape), 0);
  const int64_t with = model.plan(shape).host_bytes;
  shape.async_save = false;
  EXPECT_NEAR(with - model.plan(shape).host_bytes, 12 * count / 2, 12 * count / 100);
}

TEST(RunShape, TokensBeyondAllMemoryDoNotOverflow) {
  RunShape shape = cpu_shape(int64_t{1} << 40);
  shape.micro_batch_size = int64_t{1} << 60;
  EXPECT_EQ(shape.tokens(), RunShape::kMostTokens);
  EXPECT_GT(MemoryModel(llama_8b()).plan(shape).peak_bytes(), int64_t{1} << 50);
}

TEST(RunShape, IsPossibleWhereSizesDivideAndSettingsGoTogether) {
  constexpr int64_t kHeads = 32;
  RunShape shape = gpu_shape(8, 1024);
  shape.global_batch_size = 8;
  EXPECT_TRUE(is_possible(shape, kHeads));
  const auto refused = [&](auto change) {
    RunShape other = shape;
    change(other);
    return !is_possible(other, kHeads);
  };
  EXPECT_TRUE(refused([](RunShape& s) { s.parallel.shard_size = 3; }));
  EXPECT_TRUE(refused([](RunShape& s) { s.parallel.context_parallel = 3; }));
  EXPECT_TRUE(refused([](RunShape& s) { s.global_batch_size = 4; }));
  EXPECT_TRUE(refused([](RunShape& s) { s.global_batch_size = 12; }));
  EXPECT_TRUE(refused([](RunShape& s) {
    s.parallel.context_parallel = 8;
    s.sequence_length = 1032;
  }));
  EXPECT_TRUE(refused([](RunShape& s) {
    s.parallel.recompute = Recompute::kSelective;
    s.parallel.offload_block_inputs = true;
  }));
  const auto ulysses = [](RunShape& s) {
    s.parallel.context_parallel = 8;
    s.parallel.context_parallel_method = ContextParallelMethod::kUlysses;
  };
  EXPECT_FALSE(refused(ulysses));
  ulysses(shape);
  EXPECT_FALSE(is_possible(shape, 12));
}

TEST(RunShape, ACpuOffloadsNothing) {
  RunShape shape = cpu_shape(1024);
  shape.parallel.recompute = Recompute::kBlock;
  const int64_t without = MemoryModel(llama_8b()).plan(shape).peak_bytes();
  shape.parallel.offload_optimizer = shape.parallel.offload_block_inputs = true;
  EXPECT_EQ(MemoryModel(llama_8b()).plan(shape).peak_bytes(), without);
}

}  // namespace
}  // namespace ropewalk::plan

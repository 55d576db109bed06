// One rank of a large job whose peers are simulated: collectives end at once and move nothing, so
// that sizes and bytes are real and values are not. (c10d's FakeProcessGroup does the same; its
// header needs Python's.)
#include <gtest/gtest.h>

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include "ropewalk/parallel/block_runner.h"
#include "ropewalk/parallel/sharded.h"

namespace ropewalk::parallel {
namespace {

class DoneWork final : public c10d::Work {
 public:
  bool wait(std::chrono::milliseconds) override { return true; }
};

class SimulatedBackend final : public c10d::Backend {
 public:
  using Backend::Backend;
  using Done = c10::intrusive_ptr<c10d::Work>;
  const std::string getBackendName() const override { return "simulated"; }
  Done broadcast(std::vector<at::Tensor>&, const c10d::BroadcastOptions&) override {
    return done();
  }
  Done allreduce(std::vector<at::Tensor>&, const c10d::AllreduceOptions&) override {
    return done();
  }
  Done _allgather_base(at::Tensor& whole, at::Tensor&, const c10d::AllgatherOptions&) override {
    whole.zero_();
    return done();
  }
  Done _reduce_scatter_base(at::Tensor& part,
                            at::Tensor&,
                            const c10d::ReduceScatterOptions&) override {
    part.zero_();
    return done();
  }

 private:
  static Done done() { return c10::make_intrusive<DoneWork>(); }
};

c10::intrusive_ptr<c10d::ProcessGroup> simulated(int rank, int size) {
  auto group = c10::make_intrusive<c10d::ProcessGroup>(rank, size);
  group->setBackend(at::kCPU,
                    c10d::ProcessGroup::BackendType::CUSTOM,
                    c10::make_intrusive<SimulatedBackend>(rank, size));
  group->setDefaultBackend(c10d::ProcessGroup::BackendType::CUSTOM);
  return group;
}

std::shared_ptr<dist::Group> simulated_group(int rank, int size) {
  const auto connect = [](const std::string&, int own_rank, int own_size) {
    return simulated(own_rank, own_size);
  };
  return std::make_shared<dist::Group>(simulated(rank, size), "fake", at::kCPU, connect);
}

DecoderSpec medium_spec() {
  DecoderSpec spec;
  spec.vocab_size = 4096;
  spec.hidden_size = 256;
  spec.intermediate_size = 688;
  spec.num_layers = 4;
  spec.layers.resize(4);
  spec.num_heads = 8;
  spec.num_kv_heads = 4;
  spec.head_dim = 32;
  spec.rope.head_dim = spec.rope.rotary_dims = 32;
  spec.rope.max_position_embeddings = spec.rope.original_max_position_embeddings = 64;
  return spec;
}

struct Simulation {
  int64_t parameters = 0;
  int64_t largest_unit = 0;
  int64_t own = 0;         // elements of this rank's shards
  int64_t sent_bytes = 0;  // in one step
};

struct Job {
  int ranks = 64;
  int64_t shard_size = 0;
  int micro_steps = 1;
};

Simulation simulate(const ShardedOptions& options, const Job& job) {
  const auto decoder = build_decoder(medium_spec(), {.parameters_without_memory = true});
  Simulation found;
  for (const ShardedUnit& unit : sharded_units(*decoder)) {
    int64_t numel = 0;
    for (const ShardedParameter& given : unit.parameters) numel += given.parameter.numel();
    found.parameters += numel;
    found.largest_unit = std::max(found.largest_unit, numel);
  }
  const ShardGroups groups =
      make_shard_groups(simulated_group(job.ranks / 2, job.ranks), job.shard_size);
  ShardedDataParallel data_parallel(sharded_units(*decoder), groups, options);
  decoder->set_block_runner(
      make_block_runner({.recompute = Recompute::kBlock, .hooks = data_parallel.block_hooks()}));
  for (const auto& [name, tensor] : data_parallel.weights()) found.own += tensor.local().numel();
  const auto sent = [&] { return groups.shard->sent_bytes() + groups.replicas->sent_bytes(); };
  const int64_t before = sent();
  const at::Tensor tokens = at::zeros({1, 8}, at::kLong);
  for (int i = 0; i < job.micro_steps; ++i) {
    data_parallel.begin_micro_batch(i + 1 == job.micro_steps);
    decoder->loss_sum(tokens, tokens).backward();
    data_parallel.end_micro_batch();
  }
  data_parallel.finish_step();
  found.sent_bytes = sent() - before;
  return found;
}

TEST(SimulatedRanks, HoldAndSendTheirShare) {
  for (const int ranks : {64, 256, 1024}) {
    const Simulation found = simulate({.kind = DataParallelKind::kFsdp}, {.ranks = ranks});
    const auto whole = static_cast<double>(found.parameters) * sizeof(float);
    EXPECT_NEAR(static_cast<double>(found.own) / (static_cast<double>(found.parameters) / ranks),
                1.0,
                0.05 * ranks / 64)
        << ranks;  // the rank may hold a little more or less: shards are cut at 32 elements
    // Weights outside the blocks and the last block are gathered once, the other blocks twice;
    // gradients are scattered once.
    EXPECT_GT(static_cast<double>(found.sent_bytes), 2.0 * whole) << ranks;
    EXPECT_LT(static_cast<double>(found.sent_bytes), 3.1 * whole) << ranks;
    const Simulation kept = simulate({.kind = DataParallelKind::kZero2}, {.ranks = ranks});
    EXPECT_NEAR(static_cast<double>(kept.sent_bytes) / whole, 2.0, 0.05 * ranks / 64) << ranks;
  }
}

TEST(SimulatedRanks, Zero1SendsOnceAStepWhateverTheMicroBatches) {
  const ShardedOptions options{.kind = DataParallelKind::kZero1};
  EXPECT_EQ(simulate(options, {.micro_steps = 3}).sent_bytes, simulate(options, {}).sent_bytes);
}

TEST(SimulatedRanks, HybridShardsSumOverTheCopies) {
  const Simulation found =
      simulate({.kind = DataParallelKind::kZero2}, {.ranks = 64, .shard_size = 8});
  const auto whole = static_cast<double>(found.parameters) * sizeof(float);
  // All-gather and reduce-scatter among 8, then an all-reduce of an eighth among 8.
  EXPECT_NEAR(static_cast<double>(found.sent_bytes) / whole, (7.0 / 8) * (2 + 2.0 / 8), 0.02);
}

}  // namespace
}  // namespace ropewalk::parallel

// `zero1`, `zero2`, `fsdp`: the ranks share the training state instead of each holding all of it
// (ZeRO, Rajbhandari et al., arXiv 1910.02054, stages 1 to 3; PyTorch FSDP, Zhao et al., arXiv
// 2304.11277). Each rank keeps an fp32 shard of the weights, their gradient and their moments, and
// updates it alone. Whole weights, in the compute type, come from an all-gather:
//   fsdp   a block at a time, the next one while this one computes, freed after use and gathered
//          again for the backward pass; gradients are reduce-scattered as they come
//   zero2  all of them, once after each update, and kept
//   zero1  the same; whole gradients are kept too and reduce-scattered in the last micro-batch only
// Weights outside the blocks (embedding, final norm, output projection) are gathered once a step.
//
// Hybrid sharding: groups of ranks share the state, and each group holds all of it; gradient shards
// are summed over the groups once a step.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ropewalk/model/decoder.h"
#include "ropewalk/parallel/data_parallel.h"
#include "ropewalk/parallel/parallel_config.h"

namespace ropewalk::parallel {

struct ShardGroups {
  std::shared_ptr<dist::Group> shard;     // ranks that share one copy of the state
  std::shared_ptr<dist::Group> replicas;  // ranks that hold the same shard, one of each copy
};

// Consecutive ranks share; `shard_size` divides the group's size, 0 = all of it. Collective.
ShardGroups make_shard_groups(const std::shared_ptr<dist::Group>& group, int64_t shard_size);

struct ShardedParameter {
  std::string name;
  at::Tensor parameter;                       // fp32; its memory is given up for gathered views
  at::ScalarType gathered_type = at::kFloat;  // in which it is sent and computed with
};

// What is gathered and freed together.
struct ShardedUnit {
  const Block* block = nullptr;  // null: what lies outside the blocks
  std::vector<ShardedParameter> parameters;
};

// Outside first, then the blocks in order. Matrices are gathered in the decoder's compute type,
// what is used in fp32 (norms, routers) in fp32.
std::vector<ShardedUnit> sharded_units(const Decoder& decoder);

struct ShardedOptions {
  DataParallelKind kind = DataParallelKind::kFsdp;  // not kDdp
  at::ScalarType reduce_type = at::kFloat;          // in which gradients are reduce-scattered

  // Whole weights are kept between uses.
  bool keeps_whole() const { return kind != DataParallelKind::kFsdp; }
  // Whole gradients are summed over the micro-batches before they are reduced.
  bool keeps_whole_gradients() const { return kind == DataParallelKind::kZero1; }
};

class ShardUnit;

class ShardedDataParallel final : public DataParallel {
 public:
  // Parameters that have memory give their values to the shards. Afterwards a parameter may be read
  // only between begin_ and end_ of a micro-batch or an evaluation, in a block: while it runs.
  // Collective: compares names, shapes and types over all ranks.
  ShardedDataParallel(std::vector<ShardedUnit> units,
                      ShardGroups groups,
                      const ShardedOptions& options);
  ~ShardedDataParallel() override;

  const dist::NamedShardedTensors& weights() const override { return weights_; }
  const dist::NamedShardedTensors& trained() const override { return trained_; }
  double sum_over_shards(double value) override { return groups_.shard->sum(value); }
  void synchronize_weights() override;

  void begin_micro_batch(bool last) override;
  void prepare_backward(const at::Tensor&) override {}
  void end_micro_batch() override;
  void finish_step() override;

  void begin_evaluation() override;
  void end_evaluation() override;
  std::shared_ptr<BlockHooks> block_hooks() override;

  Json state() const override { return nullptr; }
  bool load_state(const Json&) override { return false; }

 private:
  class Hooks;

  void take_gradients(ShardUnit& unit);
  void finish_reduction();

  ShardGroups groups_;
  ShardedOptions options_;
  std::unique_ptr<ShardUnit> outside_;
  std::vector<std::unique_ptr<ShardUnit>> blocks_;
  std::map<const Block*, size_t> index_of_;
  dist::NamedShardedTensors weights_, trained_;
  ShardUnit* reducing_ = nullptr;  // its gradients are under way
  bool reducing_last_ = true;      // nothing follows in this step
  bool last_ = true;               // of the step's micro-batches
  size_t first_recorded_ = 0;      // block that this micro-batch's backward pass ends with
};

}  // namespace ropewalk::parallel

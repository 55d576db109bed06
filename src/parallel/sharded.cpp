#include "ropewalk/parallel/sharded.h"

#include <algorithm>

#include "parallel/shard_unit.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::parallel {

class ShardedDataParallel::Hooks final : public BlockHooks {
 public:
  explicit Hooks(ShardedDataParallel& owner) : owner_(owner) {}

  void before_forward(const Block& block) override {
    const size_t index = owner_.index_of_.at(&block);
    // What the last micro-batch left under way, before half of this one's activations are there.
    if (index == owner_.blocks_.size() / 2) owner_.finish_reduction();
    use(index);
    if (index + 1 < owner_.blocks_.size()) owner_.blocks_[index + 1]->start_gather();
  }

  void after_forward(const Block& block, bool recorded) override {
    const size_t index = owner_.index_of_.at(&block);
    if (recorded) owner_.first_recorded_ = std::min(owner_.first_recorded_, index);
    // The backward pass begins with the last block.
    const bool used_next = recorded && index + 1 == owner_.blocks_.size();
    if (!owner_.options_.keeps_whole() && !used_next) owner_.blocks_[index]->release();
  }

  void before_backward(const Block& block) override {
    const size_t index = owner_.index_of_.at(&block);
    use(index);
    if (index > owner_.first_recorded_) owner_.blocks_[index - 1]->start_gather();
  }

  void after_backward(const Block& block) override {
    ShardUnit& unit = *owner_.blocks_[owner_.index_of_.at(&block)];
    owner_.take_gradients(unit);
    if (!owner_.options_.keeps_whole()) unit.release();
  }

 private:
  void use(size_t index) { owner_.blocks_[index]->use(); }

  ShardedDataParallel& owner_;
};

ShardGroups make_shard_groups(const std::shared_ptr<dist::Group>& group, int64_t shard_size) {
  const int size = group->size(), share = shard_size == 0 ? size : static_cast<int>(shard_size);
  ROPEWALK_CHECK(share > 0 && size % share == 0, "the shard size divides the number of ranks");
  if (share == size) return {group, std::make_shared<dist::Group>(group->device())};
  const int first = group->rank() / share * share;
  std::vector<int> shard, replicas;
  for (int rank = first; rank < first + share; ++rank) shard.push_back(rank);
  for (int rank = group->rank() % share; rank < size; rank += share) replicas.push_back(rank);
  ShardGroups groups;
  groups.shard = group->subgroup(shard);
  groups.replicas = group->subgroup(replicas);
  return groups;
}

ShardedDataParallel::ShardedDataParallel(std::vector<ShardedUnit> units,
                                         ShardGroups groups,
                                         const ShardedOptions& options)
    : groups_(std::move(groups)), options_(options) {
  ROPEWALK_CHECK(options.kind != DataParallelKind::kDdp, "ddp shares nothing");
  NamedParameters all;
  for (const ShardedUnit& unit : units) {
    for (const ShardedParameter& given : unit.parameters) {
      all.emplace_back(given.name, given.parameter);
    }
  }
  check_same_parameters(all, *groups_.shard);
  check_same_parameters(all, *groups_.replicas);
  for (const ShardedUnit& unit : units) {
    auto made = std::make_unique<ShardUnit>(unit.parameters, groups_, options_);
    made->append_tensors(weights_, trained_);
    if (unit.block == nullptr) {
      ROPEWALK_CHECK(outside_ == nullptr, "one unit lies outside the blocks");
      outside_ = std::move(made);
    } else {
      index_of_[unit.block] = blocks_.size();
      blocks_.push_back(std::move(made));
    }
  }
  ROPEWALK_CHECK(outside_ != nullptr, "one unit lies outside the blocks");
}

ShardedDataParallel::~ShardedDataParallel() = default;

void ShardedDataParallel::synchronize_weights() {
  outside_->broadcast_to_replicas();
  for (const auto& unit : blocks_) unit->broadcast_to_replicas();
}

void ShardedDataParallel::begin_micro_batch(bool last) {
  last_ = last;
  first_recorded_ = blocks_.size();
  outside_->use();
  if (!blocks_.empty()) blocks_.front()->start_gather();
}

void ShardedDataParallel::end_micro_batch() { take_gradients(*outside_); }

void ShardedDataParallel::finish_step() {
  finish_reduction();
  outside_->finish_replica_sum();
  outside_->release();
  for (const auto& unit : blocks_) {
    unit->finish_replica_sum();
    unit->release();
  }
}

void ShardedDataParallel::take_gradients(ShardUnit& unit) {
  // One reduction at a time, and ended before its successor takes memory.
  finish_reduction();
  unit.collect_gradients();
  if (options_.keeps_whole_gradients() && !last_) return;
  unit.start_reduce();
  reducing_ = &unit;
  reducing_last_ = last_;
}

void ShardedDataParallel::finish_reduction() {
  if (reducing_ == nullptr) return;
  reducing_->finish_reduce();
  if (reducing_last_) reducing_->start_replica_sum();
  reducing_ = nullptr;
}

void ShardedDataParallel::begin_evaluation() {
  outside_->use();
  if (!options_.keeps_whole()) return;
  for (const auto& unit : blocks_) unit->use();
}

void ShardedDataParallel::end_evaluation() {
  if (!options_.keeps_whole()) outside_->release();
}

std::shared_ptr<BlockHooks> ShardedDataParallel::block_hooks() {
  return std::make_shared<Hooks>(*this);
}

}  // namespace ropewalk::parallel

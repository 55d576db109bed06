// Models and moments cut into shards as a parallel run would hold them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/support.h"
#include "ropewalk/dist/sharded_tensor.h"

namespace ropewalk {

using WholeTensors = std::vector<std::pair<std::string, torch::Tensor>>;

// One range of a tensor, as if other ranks held the rest.
inline dist::ShardedTensor only_range(const torch::Tensor& local,
                                      const std::vector<int64_t>& shape,
                                      int64_t begin) {
  return {shape,
          {.offset = -begin, .shard_numel = local.numel()},
          local,
          std::make_shared<dist::Group>()};
}

struct Cut {
  std::shared_ptr<dist::Group> group;  // null: whole
  int64_t gap = 0;                     // elements before each tensor that belong to none
  bool all_on_first = false;           // the other ranks hold nothing
};

// This rank's part of one flat buffer of the tensors, in memory of its own.
inline dist::NamedShardedTensors cut_tensors(const WholeTensors& whole, const Cut& cut) {
  dist::NamedShardedTensors shards;
  int64_t total = 0;
  for (const auto& [name, tensor] : whole) total += cut.gap + tensor.numel();
  const int64_t ranks = cut.group && !cut.all_on_first ? cut.group->size() : 1;
  const int64_t shard_numel = (total + ranks - 1) / ranks;
  int64_t offset = 0;
  for (const auto& [name, tensor] : whole) {
    if (cut.group == nullptr) {
      shards.emplace_back(name, dist::ShardedTensor(tensor.detach().clone()));
      continue;
    }
    offset += cut.gap;
    const int64_t begin =
        std::clamp<int64_t>(cut.group->rank() * shard_numel - offset, 0, tensor.numel());
    const int64_t end =
        std::clamp<int64_t>((cut.group->rank() + 1) * shard_numel - offset, 0, tensor.numel());
    shards.emplace_back(name,
                        dist::ShardedTensor(tensor.sizes().vec(),
                                            {.offset = offset, .shard_numel = shard_numel},
                                            tensor.detach().flatten().slice(0, begin, end).clone(),
                                            cut.group));
    offset += tensor.numel();
  }
  return shards;
}

inline WholeTensors random_tensors_like(const Decoder& decoder, uint64_t seed) {
  torch::manual_seed(seed);
  WholeTensors tensors;
  for (const auto& [name, weight] : decoder.named_weights()) {
    tensors.emplace_back(name, torch::randn(weight.sizes()));
  }
  return tensors;
}

class ShardedOptimizer : public Stateful {
 public:
  ShardedOptimizer(const Decoder& decoder, uint64_t seed, const Cut& cut)
      : first_{".exp_avg", cut_tensors(random_tensors_like(decoder, seed + 1), cut)},
        second_{".exp_avg_sq", cut_tensors(random_tensors_like(decoder, seed + 2), cut)} {}
  std::string key() const override { return "optimizer"; }
  Json state() const override { return {{"num_steps", num_steps}}; }
  void load_state(const Json& state) override { num_steps = state.at("num_steps"); }
  std::vector<ParameterTensors> tensors() override { return {first_, second_}; }

  int64_t num_steps = 0;

 private:
  ParameterTensors first_, second_;
};

struct ShardedRunOptions {
  std::filesystem::path folder;
  uint64_t seed = 5;
  DType dtype = DType::kF32;
  Cut weights, moments;
};

// A run whose values follow from the seed, however they are cut. Small files, so that several ranks
// have some to write.
class ShardedRun {
 public:
  ShardedRun(const ShardedRunOptions& options, std::shared_ptr<dist::Group> group)
      : decoder_(tiny_decoder(options.seed)),
        weights_(cut_tensors(random_tensors_like(*decoder_, options.seed), options.weights)),
        optimizer_(*decoder_, options.seed, options.moments),
        checkpointer_({.run_dir = options.folder,
                       .model_config = tiny_hf_config(*decoder_),
                       .settings = {{"seed", 5}},
                       .dtype = options.dtype,
                       .max_shard_bytes = 6000},
                      decoder_->spec(),
                      weights_,
                      std::move(group)) {
    optimizer_.num_steps = static_cast<int64_t>(options.seed);
    checkpointer_.add(optimizer_);
  }

  Checkpointer& checkpointer() { return checkpointer_; }

  // As training does to what is being written in the background.
  void overwrite_everything() {
    std::vector<ParameterTensors> all = optimizer_.tensors();
    all.push_back({"", weights_});
    for (ParameterTensors& group : all) {
      for (auto& [name, tensor] : group.tensors) at::Tensor(tensor.local()).fill_(7.0);
    }
    optimizer_.num_steps = -1;
  }

  // Collective among those that hold the shards.
  bool equals(ShardedRun& other) {
    std::vector<ParameterTensors> ours = optimizer_.tensors(), theirs = other.optimizer_.tensors();
    ours.push_back({"", weights_});
    theirs.push_back({"", other.weights_});
    bool same = optimizer_.num_steps == other.optimizer_.num_steps;
    for (size_t group = 0; group < ours.size(); ++group) {
      for (size_t i = 0; i < ours[group].tensors.size(); ++i) {
        const torch::Tensor value = ours[group].tensors[i].second.gather();
        same = same && value.equal(theirs[group].tensors[i].second.gather());
      }
    }
    return same;
  }

 private:
  std::shared_ptr<Decoder> decoder_;
  dist::NamedShardedTensors weights_;
  ShardedOptimizer optimizer_;
  Checkpointer checkpointer_;
};

}  // namespace ropewalk

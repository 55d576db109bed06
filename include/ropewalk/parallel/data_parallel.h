// How the ranks of a run hold one model's training state between them, around a model that knows
// nothing of it. The train step is the same for every kind and for one rank:
//
//   for (micro_step...) {
//     dp.begin_micro_batch(last);
//     loss = model.loss_sum(...) / global_tokens;
//     dp.prepare_backward(loss);
//     loss.backward();
//     dp.end_micro_batch();
//   }
//   dp.finish_step();       // the gradients of trained() are now sums over all ranks
//   clip, optimizer step, zero gradients in place
//
// Gradients are SUMMED over ranks, unlike PyTorch's DDP, which averages: the loss is a sum over
// tokens divided by the global token count already. (DDP's averaging would also multiply by 1/ranks
// or divide by ranks depending on where a gradient lies, which differs in the last bit for 3 ranks,
// so that a resumed run would not continue bit for bit.)
//
// Every call is collective. Failures are DistErrors.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/dist/sharded_tensor.h"
#include "ropewalk/parallel/block_hooks.h"

namespace ropewalk::parallel {

using NamedParameters = std::vector<std::pair<std::string, at::Tensor>>;

class DataParallel {
 public:
  virtual ~DataParallel() = default;

  // Every parameter, trained or frozen: fp32, in the part that this rank holds. What is written
  // into the local parts between steps is what the next forward pass computes with.
  virtual const dist::NamedShardedTensors& weights() const = 0;
  // The trained ones of them; each local part's .grad() is there after finish_step().
  virtual const dist::NamedShardedTensors& trained() const = 0;
  // Of a number that each rank computed from its parts of trained(): the sum over all elements.
  virtual double sum_over_shards(double value) = 0;

  // Gives every rank the values of the first one that holds the same part.
  virtual void synchronize_weights() = 0;

  // Makes the weights outside the blocks ready for a forward pass; those of the blocks follow as
  // the block runner calls for them.
  virtual void begin_micro_batch(bool last) = 0;
  virtual void prepare_backward(const at::Tensor& loss) = 0;
  virtual void end_micro_batch() = 0;
  virtual void finish_step() = 0;

  // Forward passes without gradient between steps: begin, any number of passes, end. On every rank
  // as many: a pass may be collective.
  virtual void begin_evaluation() = 0;
  virtual void end_evaluation() = 0;

  // What the block runner has to call; null: nothing.
  virtual std::shared_ptr<BlockHooks> block_hooks() = 0;

  // What fixes the order of sums, so that a resumed run continues bit for bit; null: nothing.
  virtual Json state() const = 0;
  // Before the first step. Returns whether `state` is in force.
  virtual bool load_state(const Json& state) = 0;
};

// Throws DistError naming the first parameter that differs between ranks. Collective.
void check_same_parameters(const NamedParameters& parameters, dist::Group& group);
// Rank 0's values on every rank. Collective.
void broadcast_parameters(const NamedParameters& parameters, dist::Group& group);

}  // namespace ropewalk::parallel

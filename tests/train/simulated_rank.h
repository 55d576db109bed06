// One rank of a large job whose peers are simulated: what it holds and sends.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "ropewalk/model/decoder.h"
#include "ropewalk/optim/adamw.h"
#include "ropewalk/parallel/block_runner.h"
#include "ropewalk/parallel/context_parallel.h"
#include "ropewalk/plan/run_shape.h"
#include "train/make_data_parallel.h"
#include "train/simulated_peers.h"
#include "train/tensor_bytes.h"

namespace ropewalk::simulated {

// The bytes of weights here are those of shards and of whole weights, each memory once.
class Rank {
 public:
  Rank(const DecoderSpec& spec, const plan::RunShape& shape, int rank);

  void step();

  // Between steps.
  int64_t weight_bytes() const;
  int64_t gradient_bytes() const;
  int64_t moment_bytes() const;
  // Of the numbers in shards that belong to no parameter and therefore have no moments.
  int64_t padding_bytes() const;

  // Of the last step.
  int64_t sent_bytes() const { return sent_bytes_; }                // as dist::Group counts them
  int64_t all_reduced_bytes() const { return all_reduced_bytes_; }  // by c10d's reducer and groups
  int64_t weight_bytes_at_loss() const { return at_loss_; }
  // Weights and the block's gradients, where a block's backward has ended.
  int64_t most_at_block() const { return at_block_; }
  // Beyond what lasts, once the first micro-step is done.
  int64_t kept_after_micro_step() const { return kept_; }
  int64_t most_tensor_bytes() const { return tensors_.most(); }

 private:
  void block_ended(const Block& block);
  void micro_step(bool last);
  std::vector<at::Tensor> weight_tensors() const;

  TensorBytes tensors_;
  plan::RunShape shape_;
  std::shared_ptr<Ledger> ledger_ = std::make_shared<Ledger>();
  std::shared_ptr<dist::Group> world_;
  parallel::ContextParallel context_;
  std::shared_ptr<Decoder> decoder_;
  std::unique_ptr<parallel::DataParallel> data_parallel_;
  std::unique_ptr<AdamW> optimizer_;
  int64_t sent_bytes_ = 0, all_reduced_bytes_ = 0, at_loss_ = 0, at_block_ = 0, kept_ = 0;
};

inline Rank::Rank(const DecoderSpec& spec, const plan::RunShape& shape, int rank) : shape_(shape) {
  world_ = group(rank, static_cast<int>(shape.ranks), ledger_);
  context_ = parallel::ContextParallel::among(*world_, shape.parallel);
  const bool bf16 = shape.precision == Precision::kBf16;
  decoder_ = build_decoder(spec,
                           {.compute_dtype = bf16 ? at::kBFloat16 : at::kFloat,
                            .loss_chunk_tokens = shape.loss_chunk_tokens,
                            .parameters_without_memory = shape.is_sharded()});
  data_parallel_ = make_data_parallel(shape.parallel, *decoder_, world_);
  const auto hooks = std::make_shared<WatchedHooks>(
      data_parallel_->block_hooks(),
      [this] { at_loss_ = storage_bytes(weight_tensors()); },
      [this](const Block& block) { block_ended(block); });
  decoder_->set_block_runner(
      parallel::make_block_runner({.recompute = shape.parallel.recompute, .hooks = hooks}));
  optimizer_ = std::make_unique<AdamW>(data_parallel_->trained(), OptimizerConfig{});
}

inline void Rank::block_ended(const Block& block) {
  std::vector<at::Tensor> tensors = weight_tensors();
  for (const at::Tensor& parameter : block.parameters()) tensors.push_back(parameter.grad());
  at_block_ = std::max(at_block_, storage_bytes(tensors));
}

inline std::vector<at::Tensor> Rank::weight_tensors() const {
  std::vector<at::Tensor> tensors = decoder_->parameters();
  for (const auto& [name, weight] : data_parallel_->weights()) tensors.push_back(weight.local());
  return tensors;
}

inline void Rank::micro_step(bool last) {
  const at::Tensor tokens = at::zeros({shape_.micro_batch_size, shape_.sequence_length}, at::kLong);
  data_parallel_->begin_micro_batch(last);
  const at::Tensor loss = context_.loss_sum(*decoder_, {tokens, tokens, {}});
  data_parallel_->prepare_backward(loss);
  loss.backward();
  data_parallel_->end_micro_batch();
}

inline void Rank::step() {
  const int64_t sent = world_->sent_bytes(), reduced = ledger_->all_reduced_bytes;
  at_block_ = 0;
  tensors_.begin_most();
  optimizer_->zero_grad();
  const int64_t before = tensors_.now();
  for (int64_t i = 0; i < shape_.micro_steps(); ++i) {
    micro_step(i + 1 == shape_.micro_steps());
    if (i == 0) kept_ = tensors_.now() - before;
  }
  data_parallel_->finish_step();
  sent_bytes_ = world_->sent_bytes() - sent;
  all_reduced_bytes_ = ledger_->all_reduced_bytes - reduced;
  optimizer_->step(0.0);
}

inline int64_t Rank::weight_bytes() const { return storage_bytes(weight_tensors()); }

inline int64_t Rank::gradient_bytes() const {
  std::vector<at::Tensor> gradients;
  for (const auto& [name, tensor] : data_parallel_->trained()) {
    gradients.push_back(tensor.local().grad());
  }
  return storage_bytes(gradients);
}

inline int64_t Rank::moment_bytes() const {
  return local_bytes(optimizer_->first_moments()) + local_bytes(optimizer_->second_moments());
}

inline int64_t Rank::padding_bytes() const {
  return gradient_bytes() - local_bytes(data_parallel_->trained());
}

}  // namespace ropewalk::simulated

#include "train/train_state.h"

#include <limits>

#include "ropewalk/base/log.h"
#include "ropewalk/checkpoint/adapter.h"
#include "ropewalk/checkpoint/agree.h"
#include "ropewalk/checkpoint/import.h"
#include "ropewalk/checkpoint/initial_weights.h"
#include "ropewalk/checkpoint/weights_hash.h"
#include "ropewalk/optim/trainable.h"
#include "ropewalk/parallel/block_runner.h"
#include "ropewalk/settings/lora_run.h"
#include "train/make_data_parallel.h"
#include "train/start.h"

namespace ropewalk {
namespace {

std::shared_ptr<Decoder> build_for_training(const TrainInputs& inputs, at::Device device) {
  const RunConfig& config = inputs.config;
  const bool bf16 = config.train.precision == Precision::kBf16;
  return build_decoder(
      inputs.spec,
      {.compute_dtype = bf16 ? at::kBFloat16 : at::kFloat,
       .loss_chunk_tokens = config.train.loss_chunk_tokens,
       .device = device,
       .parameters_without_memory = config.parallel.data_parallel != DataParallelKind::kDdp,
       .for_training = true});
}

// Parameters, and what is stored with them but not trained.
dist::NamedShardedTensors all_weights(const parallel::DataParallel& data_parallel,
                                      const Decoder& decoder) {
  dist::NamedShardedTensors weights = data_parallel.weights();
  for (const auto& buffer : decoder.named_buffers()) {
    weights.emplace_back(buffer.key(), dist::ShardedTensor(buffer.value()));
  }
  return weights;
}

dist::NamedShardedTensors without_updates(const dist::NamedShardedTensors& weights) {
  dist::NamedShardedTensors rest = weights;
  std::erase_if(rest, [](const auto& named) {
    return named.first.ends_with(kLoraA) || named.first.ends_with(kLoraB);
  });
  return rest;
}

void fill_fresh_weights(const dist::NamedShardedTensors& weights,
                        const TrainInputs& inputs,
                        dist::Group& group) {
  const auto seed = static_cast<uint64_t>(inputs.config.train.seed);
  if (!inputs.config.model.pretrained) return fill_initial_weights(weights, inputs.spec, seed);
  import_weights(without_updates(weights), inputs.model.spec, inputs.model, group);
  fill_initial_updates(weights, inputs.spec, seed);
}

void start_from_adapter(const dist::NamedShardedTensors& weights,
                        const TrainInputs& inputs,
                        const std::string& base,
                        dist::Group& group) {
  if (!inputs.config.lora.pretrained) return;
  on_every_rank(group, [&] {
    const PeftAdapter adapter = open_peft_adapter(*inputs.config.lora.pretrained);
    check_base_weights(adapter, *inputs.config.model.pretrained, base);
    import_adapter(weights, inputs.spec, adapter);
  });
}

CheckpointerOptions checkpointer_options(const TrainInputs& inputs, at::Device device) {
  const RunConfig& config = inputs.config;
  const int64_t all = std::numeric_limits<int64_t>::max();
  return {.run_dir = config.train.run_dir,
          .keep = config.checkpoint.keep == 0 ? all : config.checkpoint.keep,
          .model_config = inputs.model.config,
          .settings = portable_json(config),
          .copied_from = inputs.tokenizer_folder,
          .dtype = config.train.precision == Precision::kBf16 ? DType::kBF16 : DType::kF32,
          .device = device.str()};
}

}  // namespace

TrainState::TrainState(const TrainInputs& inputs,
                       const StartOptions& start,
                       std::shared_ptr<dist::Group> group)
    : decoder_(build_for_training(inputs, group->device())) {
  const RunConfig& config = inputs.config;
  select_trainable(decoder_->parameters_by_name(), inputs.optimizer, inputs.source);
  data_parallel_ = make_data_parallel(config.parallel, *decoder_, group);
  decoder_->set_block_runner(
      parallel::make_block_runner({.recompute = config.parallel.recompute,
                                   .offload_inputs = config.parallel.offload_block_inputs,
                                   .hooks = data_parallel_->block_hooks()}));
  optimizer_ = std::make_unique<AdamW>(
      data_parallel_->trained(),
      config.optimizer,
      config.parallel.offload_optimizer,
      [&lora = config.lora](const std::string& name) { return rate_factor(lora, name); });
  const dist::NamedShardedTensors weights = all_weights(*data_parallel_, *decoder_);
  context_parallel_ = parallel::ContextParallel::among(*group, config.parallel);
  checkpointer_ = std::make_unique<Checkpointer>(
      checkpointer_options(inputs, group->device()), decoder_->spec(), weights, group);
  if (start.overwrite) checkpointer_->start_over();

  const std::optional<FoundCheckpoint> found = find_start(*checkpointer_, inputs, start, *group);
  // With low-rank updates a checkpoint lacks the weights that they stand beside.
  if (!found || config.lora.on()) fill_fresh_weights(weights, inputs, *group);
  const std::string base = config.lora.on() ? weights_hash(*config.model.pretrained, *group) : "";
  if (!found) {
    start_from_adapter(weights, inputs, base, *group);
    data_parallel_->synchronize_weights();
  }
  optimizer_state_ = std::make_unique<OptimizerState>(*optimizer_);
  reducer_state_ = std::make_unique<ReducerState>(*data_parallel_);
  checkpointer_->add(*optimizer_state_);
  checkpointer_->add(*reducer_state_);
  checkpointer_->add(progress_);
  if (config.lora.on()) {
    lora_state_ = std::make_unique<LoraState>(*data_parallel_, base);
    checkpointer_->add(*lora_state_);
  }
  if (found) load_start(*checkpointer_, *found, inputs, *group);
  resumed_from_ = found;
}

}  // namespace ropewalk

#include "train/train_state.h"

#include <limits>

#include "ropewalk/base/log.h"
#include "ropewalk/checkpoint/import.h"
#include "ropewalk/parallel/recompute.h"
#include "train/start.h"

namespace ropewalk {
namespace {

std::shared_ptr<Decoder> build_for_training(const TrainInputs& inputs, at::Device device) {
  const RunConfig& config = inputs.config;
  const bool bf16 = config.train.precision == Precision::kBf16;
  auto decoder = build_decoder(inputs.model.spec,
                               {.compute_dtype = bf16 ? at::kBFloat16 : at::kFloat,
                                .loss_chunk_tokens = config.train.loss_chunk_tokens,
                                .device = device,
                                .for_training = true});
  if (config.parallel.recompute == Recompute::kBlock) {
    decoder->set_block_runner(parallel::make_recompute_runner());
  }
  return decoder;
}

NamedTensors named_tensors(const Decoder& decoder) {
  NamedTensors named;
  for (const auto& parameter : decoder.named_parameters()) {
    named.emplace_back(parameter.key(), parameter.value());
  }
  return named;
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
  const NamedTensors parameters = named_tensors(*decoder_);
  const NamedTensors trainable = select_trainable(parameters, config.optimizer, inputs.source);
  optimizer_ = std::make_unique<AdamW>(trainable, config.optimizer);
  checkpointer_ = std::make_unique<Checkpointer>(
      checkpointer_options(inputs, group->device()), *decoder_, group);
  if (start.overwrite) checkpointer_->start_over();

  const std::optional<FoundCheckpoint> found = find_start(*checkpointer_, config, start, *group);
  if (!found) fill_fresh_weights(inputs);
  data_parallel_ = std::make_unique<parallel::DataParallel>(
      parameters,
      group,
      parallel::DataParallelOptions{.bucket_mib = static_cast<double>(config.parallel.bucket_mib)});
  optimizer_state_ = std::make_unique<OptimizerState>(*optimizer_);
  reducer_state_ = std::make_unique<ReducerState>(*data_parallel_);
  checkpointer_->add(*optimizer_state_);
  checkpointer_->add(*reducer_state_);
  checkpointer_->add(progress_);
  if (found) resumed_step_ = load_start(*checkpointer_, *found);
}

void TrainState::fill_fresh_weights(const TrainInputs& inputs) {
  if (inputs.config.model.pretrained) {
    import_weights(*decoder_, inputs.model);
  } else {
    decoder_->initialize(static_cast<uint64_t>(inputs.config.train.seed));
  }
}

}  // namespace ropewalk

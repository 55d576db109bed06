#include "ropewalk/settings/planned_shape.h"

#include "ropewalk/base/name_patterns.h"
#include "ropewalk/settings/lora_run.h"
#include "ropewalk/spec/parameters.h"

namespace ropewalk {
namespace {

double trained_share(const OptimizerConfig& optimizer, const DecoderSpec& spec) {
  int64_t all = 0, trained = 0;
  for_each_parameter(spec, [&](const ParameterShape& parameter) {
    all += parameter.count();
    if (parameter.trainable && is_selected(parameter.name, optimizer.trainable, optimizer.frozen)) {
      trained += parameter.count();
    }
  });
  return static_cast<double>(trained) / static_cast<double>(all);
}

}  // namespace

plan::RunShape planned_shape(const RunConfig& config, const DecoderSpec& spec, int64_t ranks) {
  plan::RunShape shape;
  shape.ranks = ranks;
  shape.sequence_length = sequence_length(config.data, spec);
  shape.global_batch_size = config.train.global_batch_size;
  shape.micro_batch_size = config.train.micro_batch_size;
  shape.loss_chunk_tokens = config.train.loss_chunk_tokens;
  shape.precision = config.train.precision;
  shape.separate_documents = config.data.packing == Packing::kPacked;
  shape.trained_share = trained_share(trained_parameters(config, spec), spec);
  shape.async_save = config.checkpoint.async_save;
  shape.parallel = config.parallel;
  return shape;
}

}  // namespace ropewalk

#include "ropewalk/settings/lora_run.h"

#include "ropewalk/spec/parameters.h"

namespace ropewalk {
namespace {

bool is_norm(const std::string& name) {
  return name.ends_with("norm.weight") || name.ends_with("norm.bias");
}

bool is_trained_beside(const LoraConfig& lora, const ParameterShape& parameter) {
  if (parameter.role == ParameterRole::kLoraA || parameter.role == ParameterRole::kLoraB) {
    return true;
  }
  if (parameter.role == ParameterRole::kEmbedding) return lora.train_embeddings;
  return lora.train_norms && is_norm(parameter.name);
}

}  // namespace

DecoderSpec with_lora(const RunConfig& config, const DecoderSpec& base, Diagnostics& faults) {
  DecoderSpec spec = base;
  if (config.lora.on()) spec.lora = resolve_lora(config.lora, base, faults);
  return spec;
}

OptimizerConfig trained_parameters(const RunConfig& config, const DecoderSpec& spec) {
  OptimizerConfig optimizer = config.optimizer;
  if (!config.lora.on()) return optimizer;
  optimizer.trainable.clear();
  for_each_parameter(spec, [&](const ParameterShape& parameter) {
    if (parameter.trainable && is_trained_beside(config.lora, parameter)) {
      optimizer.trainable.push_back(parameter.name);
    }
  });
  return optimizer;
}

double rate_factor(const LoraConfig& lora, const std::string& parameter) {
  return parameter.ends_with(kLoraB) ? lora.learning_rate_ratio : 1.0;
}

}  // namespace ropewalk

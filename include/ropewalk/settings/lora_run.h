// What section `lora` makes of a run's model and of what is trained of it.
#pragma once

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/settings/run_config.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

// The model to train: `base`, with low-rank updates where the config asks for them. Faults go to
// `faults` under "lora.*".
DecoderSpec with_lora(const RunConfig& config, const DecoderSpec& base, Diagnostics& faults);

// Section `optimizer` with `trainable` as it is in force: with low-rank updates those, and norms
// and embeddings as `lora` says. `spec`: of with_lora.
OptimizerConfig trained_parameters(const RunConfig& config, const DecoderSpec& spec);

// LoRA+ (arXiv 2402.12354): what the learning rate of a parameter is multiplied with.
double rate_factor(const LoraConfig& lora, const std::string& parameter);

}  // namespace ropewalk

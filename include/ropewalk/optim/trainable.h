// Which parameters are trained: `optimizer.trainable` and `optimizer.frozen` name patterns.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "ropewalk/optim/optimizer_config.h"

namespace ropewalk {

// In the order of the module's named_parameters().
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// Sets requires_grad on every parameter: trained are those that match a `trainable` pattern (all,
// when there is none) and no `frozen` pattern. `*` matches any run of characters. Returns the
// trained ones. Throws ConfigError, all faults at once under the run config's name `source`, when a
// pattern matches no parameter or nothing is left to train.
NamedTensors select_trainable(const NamedTensors& parameters,
                              const OptimizerConfig& config,
                              const std::string& source);

}  // namespace ropewalk

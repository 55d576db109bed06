#include "ropewalk/optim/trainable.h"

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/name_patterns.h"

namespace ropewalk {

NamedTensors select_trainable(const NamedTensors& parameters,
                              const OptimizerConfig& config,
                              const std::string& source) {
  Diagnostics diagnostics;
  std::vector<std::string> names;
  for (const auto& [name, tensor] : parameters) names.push_back(name);
  check_patterns(config.trainable, names, "optimizer.trainable", diagnostics);
  check_patterns(config.frozen, names, "optimizer.frozen", diagnostics);
  NamedTensors trained;
  for (const auto& [name, tensor] : parameters) {
    if (is_selected(name, config.trainable, config.frozen)) trained.emplace_back(name, tensor);
  }
  if (trained.empty() && diagnostics.ok()) {
    diagnostics.error("optimizer.frozen",
                      "every parameter is frozen; leave at least one to train, or narrow the "
                      "patterns of optimizer.frozen and optimizer.trainable");
  }
  diagnostics.throw_if_errors<ConfigError>(source);
  for (const auto& [name, tensor] : parameters) tensor.set_requires_grad(false);
  for (const auto& [name, tensor] : trained) tensor.set_requires_grad(true);
  return trained;
}

}  // namespace ropewalk

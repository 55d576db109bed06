#include "ropewalk/optim/trainable.h"

#include <algorithm>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

bool matches_any(const std::string& name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return matches_pattern(name, pattern);
  });
}

void check_patterns(const NamedTensors& parameters,
                    const std::vector<std::string>& patterns,
                    const std::string& key,
                    Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : parameters) names.push_back(name);
  for (const std::string& pattern : patterns) {
    const bool used = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return matches_pattern(name, pattern);
    });
    if (used) continue;
    std::string text = "\"" + pattern + "\" matches no parameter; names look like ";
    if (const auto near = nearest_name(pattern, names)) {
      text += "\"" + *near + "\"";
    } else if (!names.empty()) {
      text += "\"" + names.front() + "\" and \"" + names.back() + "\"";
    }
    diagnostics.error(key, text + "; `*` matches any run of characters");
  }
}

}  // namespace

NamedTensors select_trainable(const NamedTensors& parameters, const OptimizerConfig& config) {
  Diagnostics diagnostics;
  check_patterns(parameters, config.trainable, "optimizer.trainable", diagnostics);
  check_patterns(parameters, config.frozen, "optimizer.frozen", diagnostics);
  NamedTensors trained;
  for (const auto& [name, tensor] : parameters) {
    const bool wanted = config.trainable.empty() || matches_any(name, config.trainable);
    const bool trains = wanted && !matches_any(name, config.frozen);
    if (trains) trained.emplace_back(name, tensor);
  }
  if (trained.empty() && diagnostics.ok()) {
    diagnostics.error("optimizer.frozen",
                      "every parameter is frozen; leave at least one to train, or narrow the "
                      "patterns of optimizer.frozen and optimizer.trainable");
  }
  diagnostics.throw_if_errors<ConfigError>("run config");
  for (const auto& [name, tensor] : parameters) tensor.set_requires_grad(false);
  for (const auto& [name, tensor] : trained) tensor.set_requires_grad(true);
  return trained;
}

}  // namespace ropewalk

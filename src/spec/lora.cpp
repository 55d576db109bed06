#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "ropewalk/base/text.h"
#include "ropewalk/spec/decoder_spec.h"
#include "ropewalk/spec/family.h"
#include "ropewalk/spec/lora_config.h"
#include "ropewalk/spec/lora_spec.h"
#include "ropewalk/spec/parameters.h"

namespace ropewalk {
namespace {

constexpr const char* kWeight = ".weight";

// A linear layer of a block, under its foreign name.
struct LinearModule {
  std::string parameter;  // ours
  LoraUpdate update;
  bool can_be_updated = true;
};

bool is_product(const ParameterShape& parameter) {
  return parameter.name.ends_with(kWeight) &&
         (parameter.role == ParameterRole::kMatrix || parameter.role == ParameterRole::kExperts);
}

// One matrix of one row order. Experts and routers are no linear layers to PEFT.
bool can_be_updated(const ParameterShape& parameter, WeightLayout layout) {
  if (parameter.role != ParameterRole::kMatrix || parameter.full_precision) return false;
  return layout == WeightLayout::kPlain || layout == WeightLayout::kQkvPerHead ||
         layout == WeightLayout::kQkvPerGroup || layout == WeightLayout::kQkvCodegen;
}

void append_modules(const ParameterShape& parameter,
                    const WeightName& name,
                    std::vector<LinearModule>& modules) {
  const bool merged = name.foreign.size() == 1;
  int64_t row = 0;
  for (size_t i = 0; i < name.foreign.size(); ++i) {
    LinearModule module;
    module.parameter =
        parameter.name.substr(0, parameter.name.size() - std::string(kWeight).size());
    module.can_be_updated = can_be_updated(parameter, name.layout);
    module.update.module = name.foreign[i];
    if (module.update.module.ends_with(kWeight)) {
      module.update.module.resize(module.update.module.size() - std::string(kWeight).size());
    }
    module.update.row_begin = row;
    module.update.row_end = row += merged ? parameter.shape.front() : parameter.parts[i];
    modules.push_back(std::move(module));
  }
}

// Those of all blocks, each once.
std::vector<LinearModule> linear_modules(const DecoderSpec& spec) {
  const FamilyWeights weights = try_find_family(spec.model_type)->weights(spec);
  std::vector<LinearModule> modules;
  std::set<std::string> seen;
  for (int64_t layer = 0; layer < spec.num_layers; ++layer) {
    for (const ParameterShape& parameter : block_parameters(without_lora(spec), layer)) {
      if (!is_product(parameter) || !seen.insert(parameter.name).second) continue;
      for (const WeightName& name : weights.names) {
        if (name.ours == parameter.name) append_modules(parameter, name, modules);
      }
    }
  }
  return modules;
}

// PEFT's rule for target_modules.
bool is_named(const std::string& module, const std::string& target) {
  return module == target || module.ends_with("." + target);
}

std::string last_words(const std::string& module, int words) {
  size_t begin = module.size();
  for (; words > 0 && begin != std::string::npos && begin > 0; --words) {
    begin = module.rfind('.', begin - 1);
  }
  return begin == std::string::npos ? module : module.substr(begin + 1);
}

std::string known_names(const std::vector<LinearModule>& modules) {
  std::set<std::string> names;
  for (const LinearModule& module : modules) {
    if (module.can_be_updated) names.insert(last_words(module.update.module, 1));
  }
  return join({names.begin(), names.end()}, ", ");
}

void check_target(const std::string& target,
                  const std::vector<LinearModule>& modules,
                  Diagnostics& faults) {
  int found = 0, updatable = 0;
  for (const LinearModule& module : modules) {
    if (!is_named(module.update.module, target)) continue;
    ++found;
    if (module.can_be_updated) ++updatable;
  }
  if (found > 0 && updatable == found) return;
  faults.error("lora.targets",
               found == 0 ? "found \"" + target +
                                "\", which names no linear layer of the blocks; "
                                "expected some of " +
                                known_names(modules)
                          : "found \"" + target +
                                "\": routed experts and their routers cannot have "
                                "a low-rank update; expected some of " +
                                known_names(modules));
}

bool is_target(const LinearModule& module, const std::vector<std::string>& targets) {
  if (!module.can_be_updated) return false;
  if (targets.empty()) return module.parameter.starts_with("attention.");
  return std::any_of(targets.begin(), targets.end(), [&](const std::string& target) {
    return is_named(module.update.module, target);
  });
}

}  // namespace

const LoraTarget* LoraSpec::find(const std::string& parameter) const {
  for (const LoraTarget& target : targets) {
    if (target.parameter == parameter) return &target;
  }
  return nullptr;
}

LoraSpec resolve_lora(const LoraConfig& config, const DecoderSpec& spec, Diagnostics& faults) {
  const std::vector<LinearModule> modules = linear_modules(spec);
  for (const std::string& target : config.targets) check_target(target, modules, faults);
  const auto rank = static_cast<double>(config.rank);
  LoraSpec lora{.rank = config.rank,
                .scale = config.alpha / (config.use_rslora ? std::sqrt(rank) : rank),
                .targets = {}};
  for (const LinearModule& module : modules) {
    if (!is_target(module, config.targets)) continue;
    if (lora.targets.empty() || lora.targets.back().parameter != module.parameter) {
      lora.targets.push_back({.parameter = module.parameter, .updates = {}});
    }
    lora.targets.back().updates.push_back(module.update);
  }
  return lora;
}

std::vector<std::string> peft_target_modules(const DecoderSpec& spec) {
  const std::vector<LinearModule> modules = linear_modules(spec);
  const auto is_updated = [&](const LinearModule& module) {
    const LoraTarget* target = spec.lora->find(module.parameter);
    return target != nullptr &&
           std::find(target->updates.begin(), target->updates.end(), module.update) !=
               target->updates.end();
  };
  const auto means_others = [&](const std::string& name) {
    return std::any_of(modules.begin(), modules.end(), [&](const LinearModule& module) {
      return is_named(module.update.module, name) && !is_updated(module);
    });
  };
  std::set<std::string> names;
  for (const LinearModule& module : modules) {
    if (!is_updated(module)) continue;
    int words = 1;
    while (means_others(last_words(module.update.module, words))) ++words;
    names.insert(last_words(module.update.module, words));
  }
  return {names.begin(), names.end()};
}

DecoderSpec without_lora(const DecoderSpec& spec) {
  DecoderSpec plain = spec;
  plain.lora.reset();
  return plain;
}

}  // namespace ropewalk

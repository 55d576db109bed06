#include "ropewalk/optim/adamw.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

NamedTensors under_names(const NamedTensors& parameters, const std::vector<at::Tensor>& tensors) {
  NamedTensors named;
  for (size_t i = 0; i < parameters.size(); ++i) {
    named.emplace_back(parameters[i].first, tensors[i]);
  }
  return named;
}

}  // namespace

AdamW::AdamW(NamedTensors trainable, const OptimizerConfig& config)
    : config_(config), parameters_(std::move(trainable)) {
  Group decayed{.weight_decay = config.weight_decay};
  Group plain{.weight_decay = 0.0};
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i].second;
    ROPEWALK_CHECK(parameter.scalar_type() == at::kFloat && parameter.is_contiguous(),
                   "AdamW takes contiguous fp32 parameters: " + parameters_[i].first);
    const auto options = parameter.options().requires_grad(false);
    first_moments_.push_back(at::zeros(parameter.sizes(), options));
    second_moments_.push_back(at::zeros(parameter.sizes(), options));
    Group& group = parameter.dim() >= 2 ? decayed : plain;
    group.members.push_back(i);
    group.parameters.push_back(parameter.detach());  // same storage, outside the graph
    group.first_moments.push_back(first_moments_.back());
    group.second_moments.push_back(second_moments_.back());
  }
  for (Group* group : {&decayed, &plain}) {
    if (!group->members.empty()) groups_.push_back(std::move(*group));
  }
}

void AdamW::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  ++num_steps_;
  for (Group& group : groups_) update(group, learning_rate);
}

void AdamW::update(Group& group, double learning_rate) {
  std::vector<at::Tensor> gradients;
  gradients.reserve(group.members.size());
  for (const size_t member : group.members) {
    const auto& [name, parameter] = parameters_[member];
    ROPEWALK_CHECK(parameter.grad().defined(), "no gradient for " + name);
    gradients.push_back(parameter.grad());
  }
  // The kernel reads t as an fp32 tensor per parameter: exact up to 2^24 steps.
  const at::Tensor count =
      at::full({}, static_cast<double>(num_steps_), group.parameters.front().options());
  const std::vector<at::Tensor> counts(group.members.size(), count);
  at::_fused_adamw_(group.parameters,
                    gradients,
                    group.first_moments,
                    group.second_moments,
                    /*max_exp_avg_sqs=*/{},
                    counts,
                    learning_rate,
                    config_.betas[0],
                    config_.betas[1],
                    group.weight_decay,
                    config_.eps,
                    /*amsgrad=*/false,
                    /*maximize=*/false);
}

void AdamW::zero_grad() {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& [name, parameter] : parameters_) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  if (!gradients.empty()) at::_foreach_zero_(gradients);
}

NamedTensors AdamW::first_moments() const { return under_names(parameters_, first_moments_); }

NamedTensors AdamW::second_moments() const { return under_names(parameters_, second_moments_); }

}  // namespace ropewalk

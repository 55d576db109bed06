#include "ropewalk/optim/adamw.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

dist::NamedShardedTensors in_place_of(const dist::NamedShardedTensors& parameters,
                                      const std::vector<at::Tensor>& tensors) {
  dist::NamedShardedTensors named;
  for (size_t i = 0; i < parameters.size(); ++i) {
    named.emplace_back(parameters[i].first, parameters[i].second.with_local(tensors[i]));
  }
  return named;
}

at::Tensor zeros_like_in(const at::Tensor& parameter, bool host_memory) {
  auto options = parameter.options().requires_grad(false);
  // Page-locked, so that the device copies at full speed.
  if (host_memory) options = options.device(at::kCPU).pinned_memory(true);
  return at::zeros(parameter.sizes(), options);
}

}  // namespace

AdamW::AdamW(dist::NamedShardedTensors trained,
             const OptimizerConfig& config,
             bool moments_in_host_memory,
             const RateFactor& rate_factor)
    : config_(config), parameters_(std::move(trained)) {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const auto& [name, parameter] = parameters_[i];
    const at::Tensor& local = parameter.local();
    ROPEWALK_CHECK(local.scalar_type() == at::kFloat && local.is_contiguous(),
                   "AdamW takes contiguous fp32 parameters: " + name);
    moments_elsewhere_ = moments_in_host_memory && !local.is_cpu();
    first_moments_.push_back(zeros_like_in(local, moments_elsewhere_));
    second_moments_.push_back(zeros_like_in(local, moments_elsewhere_));
    if (local.numel() == 0) continue;
    const double decay = parameter.shape().size() >= 2 ? config.weight_decay : 0.0;
    group_of(decay, rate_factor ? rate_factor(name) : 1.0).members.push_back(i);
  }
}

AdamW::Group& AdamW::group_of(double weight_decay, double rate_factor) {
  for (Group& group : groups_) {
    if (group.weight_decay == weight_decay && group.rate_factor == rate_factor) return group;
  }
  return groups_.emplace_back(Group{weight_decay, rate_factor, {}});
}

void AdamW::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  ++num_steps_;
  for (const Group& group : groups_) {
    const size_t at_once = moments_elsewhere_ ? 1 : group.members.size();
    for (size_t begin = 0; begin < group.members.size(); begin += at_once) {
      update(group, begin, begin + at_once, learning_rate);
    }
  }
}

void AdamW::update(const Group& group, size_t begin, size_t end, double learning_rate) {
  std::vector<at::Tensor> parameters, gradients, first, second;
  for (size_t i = begin; i < end; ++i) {
    const size_t member = group.members[i];
    const auto& [name, parameter] = parameters_[member];
    const at::Tensor& local = parameter.local();
    ROPEWALK_CHECK(local.grad().defined(), "no gradient for " + name);
    parameters.push_back(local.detach());  // same storage, outside the graph
    gradients.push_back(local.grad());
    first.push_back(first_moments_[member].to(local.device(), /*non_blocking=*/true));
    second.push_back(second_moments_[member].to(local.device(), /*non_blocking=*/true));
  }
  // The kernel reads t as an fp32 tensor per parameter: exact up to 2^24 steps.
  const at::Tensor count =
      at::full({}, static_cast<double>(num_steps_), parameters.front().options());
  at::_fused_adamw_(parameters,
                    gradients,
                    first,
                    second,
                    /*max_exp_avg_sqs=*/{},
                    std::vector<at::Tensor>(parameters.size(), count),
                    learning_rate * group.rate_factor,
                    config_.betas[0],
                    config_.betas[1],
                    group.weight_decay,
                    config_.eps,
                    /*amsgrad=*/false,
                    /*maximize=*/false);
  if (!moments_elsewhere_) return;
  for (size_t i = begin; i < end; ++i) {
    // Waited for: a checkpoint reads host memory without asking the device.
    first_moments_[group.members[i]].copy_(first[i - begin]);
    second_moments_[group.members[i]].copy_(second[i - begin]);
  }
}

void AdamW::zero_grad() {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& [name, parameter] : parameters_) {
    if (parameter.local().grad().defined()) gradients.push_back(parameter.local().grad());
  }
  if (!gradients.empty()) at::_foreach_zero_(gradients);
}

dist::NamedShardedTensors AdamW::first_moments() const {
  return in_place_of(parameters_, first_moments_);
}

dist::NamedShardedTensors AdamW::second_moments() const {
  return in_place_of(parameters_, second_moments_);
}

}  // namespace ropewalk

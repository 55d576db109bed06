// Section `optimizer` of a run config: AdamW.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

struct OptimizerConfig {
  double learning_rate = 2e-5;
  std::array<double, 2> betas = {0.9, 0.95};
  double eps = 1e-8;
  double weight_decay = 0.0;
  double max_grad_norm = 1.0;
  std::vector<std::string> trainable = {"*"};
  std::vector<std::string> frozen;

  static constexpr auto fields() {
    using namespace rules;
    using O = OptimizerConfig;
    return std::tuple{
        field("learning_rate", &O::learning_rate, "Peak learning rate.", positive),
        field("betas",
              &O::betas,
              "Decay of the first and the second moment.",
              non_negative,
              less_than(1)),
        field("eps", &O::eps, "Added to the root of the second moment.", positive),
        field("weight_decay",
              &O::weight_decay,
              "Decoupled weight decay; never on norms and biases.",
              non_negative),
        field("max_grad_norm",
              &O::max_grad_norm,
              "Gradients are scaled down to this global norm; 0 = off.",
              non_negative),
        field("trainable",
              &O::trainable,
              "Names of the parameters to train; `*` matches any run of characters.",
              not_empty),
        field("frozen",
              &O::frozen,
              "Names of the parameters to leave as they are; wins over `trainable`.",
              not_empty),
    };
  }
};

}  // namespace ropewalk

// AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, Algorithm 2):
//   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,
//   x = x - lr * (weight_decay * x + (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps))
// through LibTorch's fused update. Tensors of one dimension (norm weights, biases) are not decayed.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "ropewalk/optim/optimizer_config.h"
#include "ropewalk/optim/trainable.h"

namespace ropewalk {

// Not thread-safe. Holds the parameters' tensors (shared storage) and one fp32 pair of moments
// each.
class AdamW {
 public:
  // `trainable`: what select_trainable returned.
  AdamW(NamedTensors trainable, const OptimizerConfig& config);

  // One update from the gradients in place. Every parameter must have a gradient.
  void step(double learning_rate);

  // Sets gradients to zero in place. They are never released: a c10d::Reducer may own their memory
  // as views into its buckets.
  void zero_grad();

  const NamedTensors& parameters() const { return parameters_; }

  // The moments under their parameters' names; copying into these tensors restores them.
  NamedTensors first_moments() const;
  NamedTensors second_moments() const;

  // Updates made so far (t of the formula).
  int64_t num_steps() const { return num_steps_; }
  void set_num_steps(int64_t num_steps) { num_steps_ = num_steps; }

 private:
  struct Group {
    double weight_decay = 0.0;
    std::vector<size_t> members;  // indices into parameters_
    std::vector<at::Tensor> parameters, first_moments, second_moments;
  };

  void update(Group& group, double learning_rate);

  OptimizerConfig config_;
  NamedTensors parameters_;
  std::vector<at::Tensor> first_moments_, second_moments_;  // as parameters_
  std::vector<Group> groups_;
  int64_t num_steps_ = 0;
};

}  // namespace ropewalk

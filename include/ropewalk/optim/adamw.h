// AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, Algorithm 2):
//   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,
//   x = x - lr * (weight_decay * x + (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps))
// through LibTorch's fused update. Tensors of one dimension (norm weights, biases) are not decayed.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ropewalk/dist/sharded_tensor.h"
#include "ropewalk/optim/optimizer_config.h"

namespace ropewalk {

// What a parameter's learning rate is multiplied with, by its name.
using RateFactor = std::function<double(const std::string& name)>;

// Not thread-safe. Holds this rank's part of the parameters (shared storage) and one fp32 pair of
// moments for it.
class AdamW {
 public:
  // `trained`: fp32. `moments_in_host_memory`: they pass through the parameters' device a parameter
  // at a time in each update; without effect on a CPU. `rate_factor`: none = 1 for all.
  AdamW(dist::NamedShardedTensors trained,
        const OptimizerConfig& config,
        bool moments_in_host_memory = false,
        const RateFactor& rate_factor = {});

  // One update in place from the gradients of the local parts, which must be there.
  void step(double learning_rate);

  // Sets gradients to zero in place. They are never released: a c10d::Reducer may own their memory
  // as views into its buckets.
  void zero_grad();

  const dist::NamedShardedTensors& parameters() const { return parameters_; }

  // The moments under their parameters' names; copying into their local parts restores them.
  dist::NamedShardedTensors first_moments() const;
  dist::NamedShardedTensors second_moments() const;

  // Updates made so far (t of the formula).
  int64_t num_steps() const { return num_steps_; }
  void set_num_steps(int64_t num_steps) { num_steps_ = num_steps; }

 private:
  struct Group {
    double weight_decay = 0.0;
    double rate_factor = 1.0;
    std::vector<size_t> members;  // indices into parameters_
  };

  Group& group_of(double weight_decay, double rate_factor);
  // Members [begin, end) of the group at once.
  void update(const Group& group, size_t begin, size_t end, double learning_rate);

  OptimizerConfig config_;
  bool moments_elsewhere_ = false;
  dist::NamedShardedTensors parameters_;
  std::vector<at::Tensor> first_moments_, second_moments_;  // as parameters_
  std::vector<Group> groups_;
  int64_t num_steps_ = 0;
};

}  // namespace ropewalk

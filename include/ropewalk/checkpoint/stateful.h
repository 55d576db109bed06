// What an owner of state gives to a checkpoint. The checkpointer knows no concrete class.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/dist/sharded_tensor.h"

namespace ropewalk {

// Tensors shaped like parameters, whole or in shards: written under the parameters' HF names plus
// the suffix, split as the weight map splits the parameter
// ("model.layers.0.self_attn.q_proj.weight.exp_avg").
struct ParameterTensors {
  std::string suffix;                 // ".exp_avg"
  dist::NamedShardedTensors tensors;  // under our parameters' names; live
};

// Key of the owner that holds what a run with low-rank updates trains, and its tensors' suffix:
// what export takes adapters from.
inline constexpr const char* kLoraStem = "lora";
inline constexpr const char* kTrainedSuffix = ".trained";

// Called on the training thread between steps. Tensors, the same on every rank but for what it
// holds of them, are read on save and written in place on load, before load_state.
class Stateful {
 public:
  virtual ~Stateful() = default;
  // Unique and file-name safe: "optimizer", "sampler".
  virtual std::string key() const = 0;
  // Numbers only, no times, paths or ranks: equal runs write equal bytes.
  virtual Json state() const = 0;
  // Throws CheckpointError on a value it does not understand.
  virtual void load_state(const Json& state) = 0;
  virtual std::vector<ParameterTensors> tensors() { return {}; }
};

}  // namespace ropewalk

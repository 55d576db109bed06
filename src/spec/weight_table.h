// Builds a family's weight names, from those of the LLaMA scheme that most families follow.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/spec/family.h"

namespace ropewalk {

// "model.layers.{}." + name
std::string in_layer(const std::string& name);

class WeightTable {
 public:
  // LLaMA's names: separate projections with and without bias, norms of queries and keys, gated and
  // plain MLPs, experts one by one.
  WeightTable();

  // Other names for ours.weight and ours.bias; ".weight" and ".bias" are added to them.
  WeightTable& rename(const std::string& ours,
                      const std::vector<std::string>& foreign,
                      WeightLayout layout = WeightLayout::kPlain);
  // Another name for exactly this parameter.
  WeightTable& set(const std::string& ours,
                   const std::vector<std::string>& foreign,
                   WeightLayout layout = WeightLayout::kPlain);
  // Norms on what attention and MLP give, as OLMo 2 and Gemma 2 name them.
  WeightTable& post_norms();
  // Router and experts as Mixtral names them.
  WeightTable& mixtral_experts();
  // Foreign tensors that hold nothing to learn.
  WeightTable& ignore(const std::vector<std::string>& patterns);

  FamilyWeights take() { return std::move(weights_); }

 private:
  FamilyWeights weights_;
};

// LLaMA's names as they are.
FamilyWeights common_weights(const DecoderSpec& spec);

}  // namespace ropewalk

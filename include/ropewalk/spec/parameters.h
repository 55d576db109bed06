// The parameters of a decoder by name and shape, from its spec alone: what the model registers,
// what import and export go through, and what is counted.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

enum class ParameterRole {
  kVector,     // norm, bias
  kMatrix,     // multiplied with every token
  kEmbedding,  // looked up
  kExperts,    // multiplied with the tokens that are routed to it
  kLoraA,      // of a low-rank update (lora_spec.h)
  kLoraB,
};

struct ParameterShape {
  std::string name;            // "attention.qkv.weight"
  std::vector<int64_t> shape;  // [out, in] or [out]
  // Rows of what is stacked in it: query, key, value; or gate and up of each expert in turn.
  std::vector<int64_t> parts;
  ParameterRole role = ParameterRole::kVector;
  int64_t groups = 1;  // equal groups along the rows: experts, or heads with weights of their own
  bool trainable = true;        // false: loaded and written, never updated
  bool full_precision = false;  // computed with in fp32 whatever the compute type
  double initial = 0.0;         // of every number in a vector; the others start at random

  int64_t count() const;
};

// In the order in which the model registers them; a block's names have no "layers.N." before them.
std::vector<ParameterShape> parameters_before_blocks(const DecoderSpec& spec);
std::vector<ParameterShape> block_parameters(const DecoderSpec& spec, int64_t layer);
std::vector<ParameterShape> parameters_after_blocks(const DecoderSpec& spec);
// Every parameter of the model in that order, by its full name.
void for_each_parameter(const DecoderSpec& spec,
                        const std::function<void(const ParameterShape&)>& visit);

}  // namespace ropewalk

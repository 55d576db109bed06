// Low-rank updates of a decoder's linear layers (LoRA, Hu et al., arXiv 2106.09685): a target's
// output W x becomes W x + scale B (A x), with A [rank, in] and B [out, rank].
//
// One weight of ours may hold several foreign ones (query, key and value). Each of those has an
// update of its own, for its own rows; a weight's updates are stacked in two parameters,
// "attention.qkv.lora_A" [updates * rank, in] and "attention.qkv.lora_B" [their rows, rank].
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"

namespace ropewalk {

struct DecoderSpec;
struct LoraConfig;

inline constexpr const char* kLoraA = ".lora_A";
inline constexpr const char* kLoraB = ".lora_B";

struct LoraUpdate {
  std::string module;     // foreign, "{}" for the layer: "model.layers.{}.self_attn.q_proj"
  int64_t row_begin = 0;  // of the weight that it is added to
  int64_t row_end = 0;

  bool operator==(const LoraUpdate&) const = default;
};

struct LoraTarget {
  std::string parameter;            // of block_parameters, without ".weight": "attention.qkv"
  std::vector<LoraUpdate> updates;  // in row order, at least one

  bool operator==(const LoraTarget&) const = default;
};

struct LoraSpec {
  int64_t rank = 0;
  double scale = 1.0;  // alpha / rank, or alpha / sqrt(rank)
  std::vector<LoraTarget> targets;

  bool operator==(const LoraSpec&) const = default;
  // Null where the weight has no update.
  const LoraTarget* find(const std::string& parameter) const;
};

// What `config` (rank > 0) means for a model. A target that the model lacks, or that cannot have an
// update, becomes an error at "lora.targets" with the names that there are.
LoraSpec resolve_lora(const LoraConfig& config, const DecoderSpec& spec, Diagnostics& faults);

// PEFT's target_modules for the updates: the last words of their modules' names, or as many as it
// takes to mean no other layer.
std::vector<std::string> peft_target_modules(const DecoderSpec& spec);

// The model without updates.
DecoderSpec without_lora(const DecoderSpec& spec);

}  // namespace ropewalk

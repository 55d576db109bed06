#pragma once

#include "ropewalk/base/errors.h"
#include "ropewalk/plan/memory.h"
#include "ropewalk/spec/family.h"

namespace ropewalk::plan {

inline DecoderSpec spec_from(const Json& config) {
  Diagnostics diagnostics;
  const std::string type = config.at("model_type").get<std::string>();
  DecoderSpec spec = find_family(type, "test").from_hf(config, diagnostics).spec;
  diagnostics.throw_if_errors<ConfigError>("test");
  return spec;
}

// Llama-3.1-8B.
inline DecoderSpec llama_8b() {
  return spec_from({{"model_type", "llama"},
                    {"vocab_size", 128256},
                    {"hidden_size", 4096},
                    {"intermediate_size", 14336},
                    {"num_hidden_layers", 32},
                    {"num_attention_heads", 32},
                    {"num_key_value_heads", 8},
                    {"max_position_embeddings", 131072},
                    {"tie_word_embeddings", false}});
}

// Small enough to count by hand.
inline Json small_llama() {
  return {{"model_type", "llama"},
          {"vocab_size", 1000},
          {"hidden_size", 64},
          {"intermediate_size", 160},
          {"num_hidden_layers", 3},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"max_position_embeddings", 4096},
          {"tie_word_embeddings", false}};
}

inline RunShape gpu_shape(int64_t ranks, int64_t length) {
  RunShape shape;
  shape.ranks = ranks;
  shape.sequence_length = length;
  shape.global_batch_size = ranks;
  shape.precision = Precision::kBf16;
  shape.device = Device::kCuda;
  return shape;
}

// Bytes at one moment of the plan.
inline UseBytes at(const MemoryPlan& plan, Moment moment) {
  for (const MemoryAt& found : plan.moments) {
    if (found.moment == moment) return found.bytes;
  }
  return {};
}

}  // namespace ropewalk::plan

// What a decoder-only transformer computes, whatever family it came from. The model layer builds
// from this and from nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ropewalk/rope/rope_parameters.h"

namespace ropewalk {

struct DecoderSpec {
  std::string model_type;  // HF's name of the family
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;        // D
  int64_t intermediate_size = 0;  // F
  int64_t num_layers = 0;
  int64_t num_heads = 0;     // H
  int64_t num_kv_heads = 0;  // Hkv, divides H
  int64_t head_dim = 0;      // Dh; H * Dh need not be D
  double norm_eps = 1e-6;
  bool tied_embeddings = false;
  bool attention_bias = false;  // on q, k, v and the output projection
  bool mlp_bias = false;        // on gate, up and down
  double attention_dropout = 0.0;
  double initializer_range = 0.02;
  std::vector<int64_t> eos_token_ids;
  std::optional<int64_t> bos_token_id;
  RopeParameters rope;

  bool operator==(const DecoderSpec&) const = default;
};

}  // namespace ropewalk

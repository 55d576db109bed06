#pragma once

#include <string>

#include "ropewalk/base/json.h"
#include "ropewalk/rope/hf_rope.h"
#include "ropewalk/rope/rope_parameters.h"

namespace ropewalk {

inline RopeParameters plain_rope(int64_t length = 64, int64_t dims = 32, double theta = 10000.0) {
  RopeParameters rope;
  rope.theta = theta;
  rope.head_dim = rope.rotary_dims = dims;
  rope.max_position_embeddings = rope.original_max_position_embeddings = length;
  return rope;
}

inline RopeParameters linear_rope(double factor, int64_t original = 64, int64_t dims = 32) {
  RopeParameters rope = plain_rope(original, dims);
  rope.kind = RopeKind::kLinear;
  rope.factor = factor;
  rope.max_position_embeddings = static_cast<int64_t>(factor * static_cast<double>(original) + 0.5);
  return rope;
}

inline RopeParameters llama3_rope() {
  RopeParameters rope = plain_rope(8192, 128, 500000.0);
  rope.kind = RopeKind::kLlama3;
  rope.factor = 8.0;
  rope.max_position_embeddings = 131072;
  rope.low_freq_factor = 1.0;
  rope.high_freq_factor = 4.0;
  return rope;
}

inline RopeParameters yarn_rope(double factor = 16.0, int64_t original = 2048) {
  RopeParameters rope = plain_rope(original, 128);
  rope.kind = RopeKind::kYarn;
  rope.factor = factor;
  rope.max_position_embeddings = static_cast<int64_t>(factor * static_cast<double>(original) + 0.5);
  return rope;
}

inline RopeParameters dynamic_rope(double factor, int64_t original = 64) {
  RopeParameters rope = linear_rope(factor, original);
  rope.kind = RopeKind::kDynamic;
  return rope;
}

inline RopeParameters longrope_rope() {
  RopeParameters rope = linear_rope(8.0);
  rope.kind = RopeKind::kLongrope;
  for (int i = 0; i < 16; ++i) {
    rope.short_factor.push_back(1.0 + 0.25 * i);
    rope.long_factor.push_back(1.0 + 1.5 * i);
  }
  return rope;
}

inline RopeParameters proportional_rope(int64_t turning_pairs) {
  RopeParameters rope = plain_rope();
  rope.kind = RopeKind::kProportional;
  rope.turning_pairs = turning_pairs;
  return rope;
}

// Reads a config the way a family does: head_dim 32, window from the config.
inline RopeReading read_rope(const Json& config, Diagnostics& diagnostics) {
  RopeContext context;
  context.head_dim = 32;
  context.max_position_embeddings = config.value("max_position_embeddings", int64_t{2048});
  return read_hf_rope(config, context, diagnostics);
}

inline RopeReading read_rope(const char* text, Diagnostics& diagnostics) {
  return read_rope(parse_json(text, "config.json"), diagnostics);
}
inline RopeReading read_rope(const std::string& text, Diagnostics& diagnostics) {
  return read_rope(text.c_str(), diagnostics);
}

// Everything that was said, for HasSubstr.
inline std::string errors_of(const Diagnostics& diagnostics) {
  std::string text;
  for (const auto& item : diagnostics.errors()) text += item.where + ": " + item.text + "\n";
  return text;
}
inline std::string warnings_of(const Diagnostics& diagnostics) {
  std::string text;
  for (const auto& item : diagnostics.warnings()) text += item.where + ": " + item.text + "\n";
  return text;
}

}  // namespace ropewalk

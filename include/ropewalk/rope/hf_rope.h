// The rope fields of a Hugging Face config.json, in all their generations, and our own two keys
// beside them (`pos_scaling_factor`, `ropewalk`).
#pragma once

#include <optional>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "ropewalk/rope/identity.h"
#include "ropewalk/rope/rope_parameters.h"

namespace ropewalk {

// What a family knows besides the config's rope fields.
struct RopeContext {
  int64_t head_dim = 0;
  int64_t max_position_embeddings = 0;  // after the family's default was filled in
  double default_theta = 10000.0;
  bool partial_rotary_allowed = false;
  RopeLayout layout = RopeLayout::kHalf;
};

struct RopeReading {
  // As the weights were trained: what the config said before any edit by hand that can be told.
  RopeParameters trained;
  // As the config says now. Equal to `trained` unless somebody edited the file.
  RopeParameters now;
  std::optional<RopeIdentity> identity;  // as stored, when the file has one
  // pos_scaling_factor was written by hand, so that even a 1 counts as said.
  bool factor_edited = false;

  bool edited() const { return !(trained == now); }
};

// Reads by transformers' precedence: `rope_scaling` if given, else `rope_parameters`, then
// top-level values for what is missing. Faults and remarks go to `diagnostics`; with faults the
// result is only good for looking for more faults.
RopeReading read_hf_rope(const Json& config, const RopeContext& context, Diagnostics& diagnostics);

// Writes max_position_embeddings, rope_theta, rope_scaling, rope_parameters, pos_scaling_factor and
// the identity; removes older spellings, so that every reader sees one consistent statement.
void write_hf_rope(const RopeParameters& rope, Json& config);

// The config keys that read_hf_rope consumes.
const std::vector<std::string>& hf_rope_keys();

}  // namespace ropewalk

// Where in a config the rope parameters stand: which object transformers would hear.
#pragma once

#include <string>

#include "ropewalk/rope/hf_rope.h"

namespace ropewalk {

struct RopePlace {
  const Json* object = nullptr;  // the parameters themselves; null: none, or a fault
  std::string path;              // "rope_scaling", "rope_parameters.full_attention", ...
  const Json* other = nullptr;   // rope_parameters when rope_scaling won over it
  const Json* around = nullptr;  // the object whose entries are layer types, if any
};

RopePlace find_rope_place(const Json& config, const RopeContext& context, Diagnostics& diagnostics);

// Whether the entries of `object` are layer types.
bool is_nested_rope(const Json& object);

}  // namespace ropewalk

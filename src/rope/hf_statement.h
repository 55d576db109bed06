// What the Hugging Face rope fields of a config say by themselves, before our own keys are heard.
#pragma once

#include <optional>
#include <string>

#include "ropewalk/rope/hf_rope.h"

namespace ropewalk {

struct HfStatement {
  RopeParameters rope;              // L and L' as far as they are known: see `original`
  std::optional<int64_t> original;  // L where the fields say it; native kinds always do
  std::string place;                // the object it came from: "rope_scaling", ...
};

HfStatement read_hf_statement(const Json& config,
                              const RopeContext& context,
                              Diagnostics& diagnostics);

}  // namespace ropewalk

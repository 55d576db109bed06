// The JSON header of a safetensors file, read as a stream of events: a document tree would cost
// many times the header's size, and the header is the part that an attacker writes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/formats/safetensors.h"

namespace ropewalk {

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  // by offset
  std::map<std::string, std::string> metadata;
};

// `data_bytes`: size of what follows the header. All faults go to `faults`; the result is only
// meaningful without any.
SafetensorsHeader parse_safetensors_header(std::string_view text,
                                           uint64_t data_bytes,
                                           Diagnostics& faults);

// Compact JSON in the order given, padded with spaces so that 8 + size is a multiple of 8.
std::string safetensors_header_text(const std::vector<TensorInfo>& tensors,
                                    const std::map<std::string, std::string>& metadata);

}  // namespace ropewalk

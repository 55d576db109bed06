// Continues a prompt token by token with a KV cache.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ropewalk/model/decoder.h"

namespace ropewalk {

struct GenerateOptions {
  int64_t max_new_tokens = 64;
  bool greedy = false;       // always the likeliest token; temperature and top_p are not looked at
  double temperature = 1.0;  // > 0
  double top_p = 1.0;        // (0, 1]: the smallest set of tokens that holds this much probability
  uint64_t seed = 0;         // sampling is a pure function of seed and position
  std::vector<int64_t> stop_ids;
};

// New tokens only; a stop token ends the list and is part of it. `on_token` (may be empty) is
// called with each one as it comes. `prompt` must not be empty.
std::vector<int32_t> generate(Decoder& decoder,
                              const std::vector<int32_t>& prompt,
                              const GenerateOptions& options,
                              const std::function<void(int32_t)>& on_token = {});

}  // namespace ropewalk

// The keys of a config.json that need no understanding, and the guard against those that would.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"

namespace ropewalk {

// A key that must not ask for anything: absent, null, or one of `values`.
struct NeutralKey {
  std::string name;
  std::vector<Json> values;
};

struct ConfigKeys {
  std::vector<std::string> read;   // understood
  std::vector<std::string> inert;  // whatever they say, the arithmetic is the same
  std::vector<NeutralKey> neutral;
};

// Those of every transformers config: generation defaults, labels, marks of tools.
const ConfigKeys& common_config_keys();

// A fault for every key that is neither known nor neutral: it could change the arithmetic.
void check_config_keys(const Json& config, const ConfigKeys& keys, Diagnostics& diagnostics);

// Absent = `fallback`, null = none, as transformers reads them; a list is allowed for the second.
std::optional<int64_t> read_token_id(const Json& config,
                                     const std::string& key,
                                     int64_t fallback,
                                     int64_t vocab_size,
                                     Diagnostics& diagnostics);
std::vector<int64_t> read_token_ids(const Json& config,
                                    const std::string& key,
                                    int64_t fallback,
                                    int64_t vocab_size,
                                    Diagnostics& diagnostics);
void write_token_id(const std::optional<int64_t>& id, const std::string& key, Json& config);
void write_token_ids(const std::vector<int64_t>& ids, const std::string& key, Json& config);

}  // namespace ropewalk

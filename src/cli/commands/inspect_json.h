// What a path holds, as JSON: the one source of both outputs of `inspect`.
#pragma once

#include <filesystem>

#include "ropewalk/base/json.h"

namespace ropewalk::cli {

// Checkpoint, config.json, token shard or folder of them, safetensors file, run config or run
// directory. Throws ConfigError when it is none of these.
Json inspect_path(const std::filesystem::path& path);

}  // namespace ropewalk::cli

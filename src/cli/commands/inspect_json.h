// What a path holds, as JSON: the one source of both outputs of `inspect`.
#pragma once

#include <filesystem>

#include "ropewalk/base/json.h"
#include "ropewalk/formats/token_store.h"

namespace ropewalk::cli {

// Checkpoint, config.json, token file or folder of them, safetensors file, run config or run
// directory. Throws ConfigError when it is none of these.
Json inspect_path(const std::filesystem::path& path, const TokenFileOptions& tokens);

}  // namespace ropewalk::cli

// How an exported folder comes to be: beside its place, then there all at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

namespace ropewalk {

// The folder itself, or the newest checkpoint of a run directory. Throws CheckpointError when it
// has none.
std::filesystem::path exported_directory(const std::filesystem::path& source);

// Throws ConfigError when `target` is there.
void refuse_existing_target(const std::filesystem::path& target);

// Lets `write` fill an empty folder and publishes it as `target`; after a failure nothing is left.
// IoErrors say what `num_bytes` of tensors need.
void publish_export(const std::filesystem::path& target,
                    uint64_t num_bytes,
                    const std::function<void(const std::filesystem::path& folder)>& write);

}  // namespace ropewalk

// Whether files of a checkpoint are those that were written.
#pragma once

#include <filesystem>
#include <vector>

namespace ropewalk {

// Throws CheckpointError with every file that the directory's manifest does not confirm. Without a
// manifest (a model from elsewhere) there is nothing to compare with.
void check_file_hashes(const std::filesystem::path& directory,
                       const std::vector<std::filesystem::path>& files);

}  // namespace ropewalk

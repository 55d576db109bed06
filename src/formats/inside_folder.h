// Where links inside a folder may lead.
#pragma once

#include <filesystem>

namespace ropewalk {

// Whether `path`, links followed, is within the folder or, in a hub cache
// (models--x/snapshots/<revision>), among the blobs that its snapshot is made of.
bool link_stays_inside(const std::filesystem::path& path, const std::filesystem::path& folder);

}  // namespace ropewalk

// Files of tensors that several ranks hold and write together.
#pragma once

#include <filesystem>
#include <vector>

#include "checkpoint/tensor_files.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/formats/manifest.h"

namespace ropewalk {

// Writes the files below `folder`, each by its owner, and gives size and hash of those that this
// rank wrote. In each round every rank gets its next tensor, together where it is
// sharded, and then all write at the same time: a rank holds that tensor and one being gathered.
//
// A rank that cannot go on throws after its round; the others then return early, with part of
// their files: the caller must learn from each rank how it went. Collective within `writers`.
std::vector<ManifestEntry> write_files(const std::filesystem::path& folder,
                                       const std::vector<OutputFile>& files,
                                       dist::Group& writers);

}  // namespace ropewalk

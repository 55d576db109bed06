// Which weights a model folder holds, in a word: what a run with low-rank updates has to find again
// when it is resumed, because its checkpoints do not store the weights that it leaves as they are.
#pragma once

#include <filesystem>
#include <string>

#include "ropewalk/dist/group.h"

namespace ropewalk {

// Hash over the hashes of the folder's weight files, in the order of their names; those of a
// manifest where there is one, else the ranks share the reading. Collective.
std::string weights_hash(const std::filesystem::path& model_folder, dist::Group& ranks);

}  // namespace ropewalk

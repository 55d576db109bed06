// Import from a checkpoint of a run whose hashes were checked just before.
#pragma once

#include <filesystem>

#include "ropewalk/model/decoder.h"

namespace ropewalk {

void import_unverified(Decoder& decoder, const std::filesystem::path& directory);

}  // namespace ropewalk

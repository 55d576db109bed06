// Import from a checkpoint of a run whose hashes were checked just before.
#pragma once

#include <filesystem>

#include "ropewalk/dist/sharded_tensor.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

void import_unverified(const dist::NamedShardedTensors& weights,
                       const DecoderSpec& spec,
                       const std::filesystem::path& directory);

}  // namespace ropewalk

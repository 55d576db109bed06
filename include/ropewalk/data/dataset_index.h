// dataset.json, which `prepare` writes beside the shards: which ones there are and what they hold.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/formats/token_store.h"

namespace ropewalk {

inline constexpr const char* kDatasetIndexName = "dataset.json";

// Compares the folder's shards with its dataset.json: names, numbers of tokens and documents, and
// the hashes that the shards' headers state. Faults go to `faults`, with the file as place. A
// folder without one (shards put together by hand) is not compared.
void check_dataset_index(const std::filesystem::path& folder,
                         const std::vector<std::unique_ptr<TokenStore>>& shards,
                         Diagnostics& faults);

}  // namespace ropewalk

#include "ropewalk/data/dataset_index.h"

#include <map>
#include <string>

#include "ropewalk/base/collect_faults.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"

namespace ropewalk {
namespace {

struct IndexEntry {
  int64_t tokens = 0;
  int64_t documents = 0;
  std::string hash;
};

std::map<std::string, IndexEntry> read_index(const std::filesystem::path& file) {
  std::map<std::string, IndexEntry> entries;
  try {
    const Json index = read_json_file(file);
    for (const Json& shard : index.at("shards")) {
      entries[shard.at("file").get<std::string>()] = {shard.at("tokens").get<int64_t>(),
                                                      shard.at("documents").get<int64_t>(),
                                                      shard.at("hash").get<std::string>()};
    }
  } catch (const Json::exception& error) {
    throw DataError(file.string() + ": not what `ropewalk prepare` writes (" + error.what() +
                    "); prepare the text again, or remove the file to go without it");
  }
  return entries;
}

void check_shard(const TokenStore& shard, const IndexEntry& entry, Diagnostics& faults) {
  if (shard.num_tokens() != entry.tokens || shard.num_documents() != entry.documents) {
    faults.error(shard.path().string(),
                 "holds " + std::to_string(shard.num_tokens()) + " tokens in " +
                     std::to_string(shard.num_documents()) + " documents, " + kDatasetIndexName +
                     " says " + std::to_string(entry.tokens) + " in " +
                     std::to_string(entry.documents) + "; it belongs to another data set");
  } else if (shard.content_hash() != entry.hash) {
    faults.error(shard.path().string(),
                 "has the hash " + shard.content_hash() + ", " + kDatasetIndexName + " says " +
                     entry.hash + "; it belongs to another data set");
  }
}

}  // namespace

void check_dataset_index(const std::filesystem::path& folder,
                         const std::vector<std::unique_ptr<TokenStore>>& shards,
                         Diagnostics& faults) {
  const std::filesystem::path file = folder / kDatasetIndexName;
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return;
  std::map<std::string, IndexEntry> entries;
  if (!collect_faults(faults, "", [&] { entries = read_index(file); })) return;
  for (const auto& shard : shards) {
    const auto entry = entries.extract(shard->path().filename().string());
    if (entry.empty()) {
      faults.error(shard->path().string(),
                   std::string("is not in ") + kDatasetIndexName +
                       "; put shards of several data sets into folders of their own");
    } else {
      check_shard(*shard, entry.mapped(), faults);
    }
  }
  for (const auto& [name, entry] : entries) {
    faults.error((folder / name).string(),
                 std::string("is missing; ") + kDatasetIndexName + " lists it with " +
                     std::to_string(entry.tokens) +
                     " tokens. Restore it, or prepare the text again");
  }
}

}  // namespace ropewalk

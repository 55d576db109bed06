#include "ropewalk/checkpoint/weights_hash.h"

#include <map>
#include <vector>

#include "ropewalk/base/hash.h"
#include "ropewalk/base/json.h"
#include "ropewalk/checkpoint/agree.h"
#include "ropewalk/formats/manifest.h"
#include "ropewalk/formats/model_files.h"

namespace ropewalk {
namespace {

// {"file name": "hash"} of the files that are this rank's to read.
Json own_hashes(const std::filesystem::path& folder, const dist::Group& ranks) {
  const ModelFiles model = ModelFiles::open(folder);
  Manifest manifest;
  if (has_manifest(folder)) manifest = read_manifest(folder);
  Json hashes = Json::object();
  for (size_t i = 0; i < model.files().size(); ++i) {
    if (i % static_cast<size_t>(ranks.size()) != static_cast<size_t>(ranks.rank())) continue;
    const std::filesystem::path path = model.files()[i]->path();
    const ManifestEntry* entry = manifest.find(path.filename().string());
    hashes[path.filename().string()] = entry != nullptr ? entry->hash : hash_file(path);
  }
  return hashes;
}

}  // namespace

std::string weights_hash(const std::filesystem::path& model_folder, dist::Group& ranks) {
  std::map<std::string, std::string> all;
  for (const std::string& text :
       from_every_rank(ranks, [&] { return own_hashes(model_folder, ranks).dump(); })) {
    const Json hashes = Json::parse(text);
    for (const auto& [name, hash] : hashes.items()) all[name] = hash;
  }
  std::string joined;
  for (const auto& [name, hash] : all) joined += hash + "\n";
  return hash_text(joined);
}

}  // namespace ropewalk

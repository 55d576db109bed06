#include "checkpoint/weight_source.h"

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/formats/manifest.h"
#include "ropewalk/spec/weight_check.h"

namespace ropewalk {
namespace {

void check_hashes_of(const std::filesystem::path& directory, const ModelFiles& files) {
  const Manifest manifest = read_manifest(directory);
  Diagnostics faults;
  for (const auto& file : files.files()) {
    const std::string name = file->path().filename().string();
    const ManifestEntry* entry = manifest.find(name);
    if (entry == nullptr) {
      faults.error(name, "is not in the manifest; was it added after the checkpoint was written?");
      continue;
    }
    const std::string hash = hash_file(file->path());
    if (hash != entry->hash) {
      faults.error(name,
                   "hash is " + hash + ", the manifest says " + entry->hash +
                       ": the file is damaged or was changed; use another checkpoint, or remove " +
                       kManifestName + " if the change was meant");
    }
  }
  faults.throw_if_errors<CheckpointError>(directory.string());
}

}  // namespace

WeightSource::WeightSource(const std::filesystem::path& directory,
                           const DecoderSpec& spec,
                           bool check_hashes)
    : files_(ModelFiles::open(directory)), map_(weight_map(spec)) {
  if (check_hashes && has_manifest(directory)) check_hashes_of(directory, files_);
  check_weights(files_, spec).throw_if_errors<CheckpointError>(directory.string() + " (weights)");
}

}  // namespace ropewalk

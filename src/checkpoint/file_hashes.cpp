#include "checkpoint/file_hashes.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/formats/manifest.h"

namespace ropewalk {

void check_file_hashes(const std::filesystem::path& directory,
                       const std::vector<std::filesystem::path>& files) {
  if (!has_manifest(directory)) return;
  verify_files(directory, files)
      .throw_if_errors<CheckpointError>(
          directory.string() +
          ": damaged or changed since it was written (use another checkpoint, "
          "or remove " +
          kManifestName + " if the change was meant)");
}

}  // namespace ropewalk

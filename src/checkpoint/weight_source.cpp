#include "checkpoint/weight_source.h"

#include "checkpoint/file_hashes.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/spec/weight_check.h"

namespace ropewalk {

WeightSource::WeightSource(const std::filesystem::path& directory,
                           const DecoderSpec& spec,
                           bool check_hashes)
    : files_(ModelFiles::open(directory)), map_(weight_map(spec)) {
  if (check_hashes) {
    std::vector<std::filesystem::path> paths;
    for (const auto& file : files_.files()) paths.push_back(file->path());
    check_file_hashes(directory, paths);
  }
  check_weights(files_, spec).throw_if_errors<CheckpointError>(directory.string() + " (weights)");
}

}  // namespace ropewalk

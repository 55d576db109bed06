// Finding checkpoints of a run on disk. The folders themselves are the truth; there is no `latest`
// file. Only one rank looks, the others are told.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ropewalk {

struct SkippedCheckpoint {
  std::filesystem::path path;
  std::string reason;
};

struct FoundCheckpoint {
  std::filesystem::path path;
  int64_t step = 0;
  std::string manifest_hash;
  std::vector<SkippedCheckpoint> skipped;  // newer ones that did not verify
};

// "step-00000100"
std::string checkpoint_name(int64_t step);

// Whether it is one of this run's own.
bool is_in(const FoundCheckpoint& checkpoint, const std::filesystem::path& checkpoints_dir);

struct CheckpointFolder {
  std::filesystem::path path;
  int64_t step = 0;
};
// Folders named like published checkpoints, newest step first, complete or not.
std::vector<CheckpointFolder> list_checkpoints(const std::filesystem::path& checkpoints_dir);

// Of a checkpoint that verifies: why it is passed over all the same; empty: it is taken.
using Objection = std::function<std::string(const FoundCheckpoint&)>;

// The newest whose sizes and hashes all verify and that nothing is said against. Nothing when there
// is no checkpoint at all; a CheckpointError with every reason when there are some and none will
// do.
std::optional<FoundCheckpoint> find_newest_checkpoint(const std::filesystem::path& checkpoints_dir,
                                                      const Objection& objection = {});

// Exactly that one: a step number of this run, or a checkpoint folder anywhere. Throws
// CheckpointError when it is missing or damaged; never falls back.
FoundCheckpoint find_checkpoint(const std::filesystem::path& checkpoints_dir,
                                const std::string& path_or_step);

}  // namespace ropewalk

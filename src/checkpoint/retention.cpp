#include "checkpoint/retention.h"

#include <algorithm>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/checkpoint/discovery.h"
#include "ropewalk/formats/manifest.h"

namespace ropewalk {
namespace {

constexpr const char* kSetAsideMark = ".set-aside-";

void rename_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code code;
  std::filesystem::rename(from, to, code);
  if (code) {
    throw IoError(from.string() + ": cannot rename to " + to.string() + ": " + code.message());
  }
}

std::vector<std::filesystem::path> folders_marked(const std::filesystem::path& checkpoints_dir,
                                                  const std::string& mark) {
  std::vector<std::filesystem::path> folders;
  if (!std::filesystem::is_directory(checkpoints_dir)) return folders;
  for (const auto& entry : std::filesystem::directory_iterator(checkpoints_dir)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-") && name.find(mark) != std::string::npos) {
      folders.push_back(entry.path());
    }
  }
  return folders;
}

}  // namespace

std::vector<std::string> remove_leftovers(const std::filesystem::path& checkpoints_dir) {
  std::vector<std::string> removed;
  for (const auto& path : folders_marked(checkpoints_dir, ".tmp-")) {
    std::error_code code;
    std::filesystem::remove_all(path, code);
    if (code) throw IoError(path.string() + ": cannot remove: " + code.message());
    removed.push_back(path.filename().string());
  }
  std::sort(removed.begin(), removed.end());
  return removed;
}

std::filesystem::path set_aside(const std::filesystem::path& checkpoint) {
  for (int number = 1;; ++number) {
    std::filesystem::path target = checkpoint;
    target += kSetAsideMark + std::to_string(number);
    if (std::filesystem::exists(target)) continue;
    rename_folder(checkpoint, target);
    return target;
  }
}

void bring_back(const std::filesystem::path& renamed, const std::filesystem::path& checkpoint) {
  rename_folder(renamed, checkpoint);
}

void delete_checkpoint(const std::filesystem::path& checkpoint) {
  const std::filesystem::path tombstone = temporary_sibling(checkpoint);
  rename_folder(checkpoint, tombstone);
  fsync_path(tombstone.parent_path());
  std::error_code code;
  std::filesystem::remove_all(tombstone, code);
  if (code) throw IoError(tombstone.string() + ": cannot remove: " + code.message());
}

void delete_set_aside(const std::filesystem::path& checkpoints_dir) {
  for (const auto& folder : folders_marked(checkpoints_dir, kSetAsideMark)) {
    delete_checkpoint(folder);
  }
}

void retain_newest(const std::filesystem::path& checkpoints_dir,
                   int64_t keep,
                   const std::filesystem::path& just_written) {
  ROPEWALK_CHECK(keep >= 1, "at least one checkpoint is kept");
  int64_t kept = 0;
  for (const CheckpointFolder& folder : list_checkpoints(checkpoints_dir)) {
    if (!has_manifest(folder.path)) continue;
    ++kept;
    const bool is_new = folder.path.filename() == just_written.filename();
    if (kept > keep && !is_new) delete_checkpoint(folder.path);
  }
}

}  // namespace ropewalk

// Renaming and deleting of checkpoint folders. Nothing here touches a folder before the caller
// knows that what replaces it is durable.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ropewalk {

// Removes temporary folders and tombstones that dead runs left; gives their names.
std::vector<std::string> remove_leftovers(const std::filesystem::path& checkpoints_dir);

// Renames to "<name>.set-aside-<n>", which no search finds; gives the new path. Durable when the
// caller has synced the parent.
std::filesystem::path set_aside(const std::filesystem::path& checkpoint);
// Undoes it.
void bring_back(const std::filesystem::path& renamed, const std::filesystem::path& checkpoint);
// Deletes every folder that was set aside, by this process or by one that ended before it could.
void delete_set_aside(const std::filesystem::path& checkpoints_dir);

// Renames to a name that is no checkpoint's, syncs the parent, then unlinks: a crash in between
// never leaves a folder that looks whole.
void delete_checkpoint(const std::filesystem::path& checkpoint);

// Deletes complete checkpoints but the newest `keep` (at least 1) and `just_written`.
void retain_newest(const std::filesystem::path& checkpoints_dir,
                   int64_t keep,
                   const std::filesystem::path& just_written);

}  // namespace ropewalk

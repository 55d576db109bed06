#include "checkpoint/publish_export.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/text.h"
#include "ropewalk/checkpoint/discovery.h"

namespace ropewalk {

std::filesystem::path exported_directory(const std::filesystem::path& source) {
  const std::filesystem::path checkpoints = source / "checkpoints";
  if (!std::filesystem::is_directory(checkpoints)) return source;
  const auto newest = find_newest_checkpoint(checkpoints);
  if (!newest) {
    throw CheckpointError(source.string() +
                          ": is a run directory without a checkpoint; nothing to export");
  }
  return newest->path;
}

void refuse_existing_target(const std::filesystem::path& target) {
  if (!std::filesystem::exists(std::filesystem::symlink_status(target))) return;
  throw ConfigError(target.string() +
                    ": exists already; export never overwrites: name a new folder or remove it");
}

void publish_export(const std::filesystem::path& target,
                    uint64_t num_bytes,
                    const std::function<void(const std::filesystem::path& folder)>& write) {
  const std::filesystem::path temporary = temporary_sibling(target);
  try {
    make_directories(temporary);
    write(temporary);
    publish_directory(temporary, target);
  } catch (const NotDurableError&) {
    throw;
  } catch (const IoError& error) {
    std::error_code ignored;
    std::filesystem::remove_all(temporary, ignored);
    throw IoError(std::string(error.what()) + "\n" + target.string() + " needs " +
                  format_bytes(num_bytes) + "; the unfinished folder was removed");
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(temporary, ignored);
    throw;
  }
}

}  // namespace ropewalk

#include "ropewalk/train/run_directory.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/checkpoint/discovery.h"

namespace ropewalk {

RunDirectory::RunDirectory(const std::filesystem::path& path) : path_(path) {
  std::error_code ignored;
  if (std::filesystem::exists(lock_file(), ignored)) {
    lock_ = std::make_unique<FileLock>(lock_file());
  }
}

void RunDirectory::make() {
  if (lock_) return;
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) {
    throw ConfigError("train.run_dir: cannot make " + path_.string() + ": " + error.message() +
                      ". Name a folder that can be written");
  }
  lock_ = std::make_unique<FileLock>(lock_file());
}

bool RunDirectory::has_checkpoints() const {
  return !list_checkpoints(path_ / "checkpoints").empty();
}

void RunDirectory::store_config(const Json& resolved) {
  write_file_atomic(config_file(), to_json_text(resolved));
}

}  // namespace ropewalk

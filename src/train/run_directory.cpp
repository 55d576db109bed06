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
  try {
    make_directories(path_);
  } catch (const IoError& error) {
    throw ConfigError(std::string("train.run_dir: ") + error.what() +
                      ". Name a folder that can be written");
  }
  lock_ = std::make_unique<FileLock>(lock_file());
}

bool RunDirectory::has_checkpoints() const {
  return !list_checkpoints(path_ / "checkpoints").empty();
}

bool RunDirectory::take_save_wish() const {
  std::error_code error;
  // Looked for first: where nothing may be written, removing fails whether it is there or not.
  if (!std::filesystem::exists(save_now_file(), error)) return false;
  return std::filesystem::remove(save_now_file(), error);
}

void RunDirectory::store_config(const Json& resolved) {
  write_file_atomic(config_file(), to_json_text(resolved));
}

}  // namespace ropewalk

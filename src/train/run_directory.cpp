#include "ropewalk/train/run_directory.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/checkpoint/discovery.h"

namespace ropewalk {

RunDirectory::RunDirectory(const std::filesystem::path& path) : path_(path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    throw ConfigError("train.run_dir: cannot make " + path.string() + ": " + error.message() +
                      ". Name a folder that can be written");
  }
  lock_ = std::make_unique<FileLock>(path / "lock");
}

bool RunDirectory::has_checkpoints() const {
  return !list_checkpoints(path_ / "checkpoints").empty();
}

std::optional<Json> RunDirectory::stored_config() const {
  if (!std::filesystem::exists(config_file())) return std::nullopt;
  return read_json_file(config_file());
}

void RunDirectory::store_config(const Json& resolved) {
  write_file_atomic(config_file(), to_json_text(resolved));
}

}  // namespace ropewalk

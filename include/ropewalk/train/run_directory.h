// The folder of one run: who may write into it, whether it holds a run already, its fixed places.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "ropewalk/base/files.h"
#include "ropewalk/base/json.h"

namespace ropewalk {

class RunDirectory {
 public:
  // Makes the folder if it is missing and takes its lock for as long as the object lives. Throws
  // ConfigError when another process has it. Rank 0 only.
  explicit RunDirectory(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path metrics_file() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path tensorboard_folder() const { return path_ / "tensorboard"; }
  // Touched by a person: save at the next step border and go on.
  std::filesystem::path save_now_file() const { return path_ / "save-now"; }
  std::filesystem::path config_file() const { return path_ / "config.json"; }

  bool has_checkpoints() const;
  // The config that the run was started with; nothing before the first start.
  std::optional<Json> stored_config() const;
  void store_config(const Json& resolved);

 private:
  std::filesystem::path path_;
  std::unique_ptr<FileLock> lock_;
};

}  // namespace ropewalk

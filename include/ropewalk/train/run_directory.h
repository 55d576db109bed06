// The folder of one run: who may write into it, whether it holds a run already, its fixed places.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "ropewalk/base/files.h"
#include "ropewalk/base/json.h"

namespace ropewalk {

class RunDirectory {
 public:
  // Takes the lock of a run that is there already, for as long as the object lives, and touches
  // nothing else. Throws ConfigError when another process has it. Rank 0 only.
  explicit RunDirectory(const std::filesystem::path& path);

  // Makes the folder if it is missing, and takes the lock if that is still to be done.
  void make();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path metrics_file() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path tensorboard_folder() const { return path_ / "tensorboard"; }
  // Whether a person made the file save-now: save at the next step border and go on. It is removed:
  // a wish that is heard is granted. One that cannot be removed is not heard.
  bool take_save_wish() const;
  // Steps that were found to be bad, with their samples.
  std::filesystem::path bad_steps_file() const { return path_ / "bad_steps.jsonl"; }
  // One file an evaluation, in the form that the command of its kind writes.
  std::filesystem::path evaluation_folder() const { return path_ / "eval"; }
  std::filesystem::path config_file() const { return path_ / "config.json"; }

  bool has_checkpoints() const;
  // For people; what a resume compares is in the checkpoints.
  void store_config(const Json& resolved);

 private:
  std::filesystem::path save_now_file() const { return path_ / "save-now"; }
  std::filesystem::path lock_file() const { return path_ / "lock"; }

  std::filesystem::path path_;
  std::unique_ptr<FileLock> lock_;
};

}  // namespace ropewalk

#include "checkpoint/run_checkpoints.h"

#include "checkpoint/retention.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/log.h"
#include "ropewalk/checkpoint/discovery.h"

namespace ropewalk {

RunCheckpoints::RunCheckpoints(std::filesystem::path folder, int64_t keep)
    : folder_(std::move(folder)), keep_(keep) {
  ROPEWALK_CHECK(keep_ >= 1, "at least one checkpoint is kept");
}

std::filesystem::path RunCheckpoints::target(int64_t step) const {
  return folder_ / checkpoint_name(step);
}

void RunCheckpoints::replace_after(int64_t step) {
  replaced_after_ = step;
  replaces_ = true;
}

void RunCheckpoints::publish(const std::filesystem::path& temporary,
                             const std::filesystem::path& target) {
  if (replaces_) set_aside_replaced();
  publish_directory(temporary, target);
  delete_older(target);
}

void RunCheckpoints::set_aside_replaced() {
  for (const CheckpointFolder& folder : list_checkpoints(folder_)) {
    if (folder.step <= replaced_after_) continue;
    const std::filesystem::path renamed = set_aside(folder.path);
    log_warn(folder.path.string() + " is replaced: set aside as " + renamed.filename().string() +
             " until the new checkpoint is durable");
  }
  replaces_ = false;
}

void RunCheckpoints::delete_older(const std::filesystem::path& just_written) {
  // The new checkpoint is durable: trouble with old ones is no reason to stop a run.
  try {
    retain_newest(folder_, keep_, just_written);
    delete_set_aside(folder_);
  } catch (const IoError& error) {
    log_warn(std::string("cannot delete an old checkpoint: ") + error.what());
  }
}

}  // namespace ropewalk

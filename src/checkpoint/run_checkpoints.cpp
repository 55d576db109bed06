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
  std::vector<Replaced> replaced;
  try {
    if (replaces_) set_aside_replaced(replaced);
    publish_directory(temporary, target);
  } catch (const NotDurableError&) {
    replaces_ = false;
    throw;
  } catch (...) {
    for (const Replaced& folder : replaced) try_to_bring_back(folder);
    throw;
  }
  replaces_ = false;
  delete_older(target);
}

// `replaced` gets those that were renamed, also when a later one cannot be.
void RunCheckpoints::set_aside_replaced(std::vector<Replaced>& replaced) {
  for (const CheckpointFolder& folder : list_checkpoints(folder_)) {
    if (folder.step <= replaced_after_) continue;
    replaced.push_back({.checkpoint = folder.path, .renamed = set_aside(folder.path)});
    log_warn(folder.path.string() + " is replaced: set aside as " +
             replaced.back().renamed.filename().string() + " until the new checkpoint is durable");
  }
  if (!replaced.empty()) fsync_path(folder_);
}

void RunCheckpoints::try_to_bring_back(const Replaced& folder) {
  try {
    bring_back(folder.renamed, folder.checkpoint);
  } catch (const IoError& error) {
    log_warn(std::string(error.what()) + "; rename it back by hand to go on from it");
  }
}

void RunCheckpoints::delete_older(const std::filesystem::path& just_written) {
  const auto tell = [](const std::exception& error) {
    log_warn(std::string("cannot delete an old checkpoint: ") + error.what());
  };
  // The new checkpoint is durable: trouble with old ones is no reason to stop a run.
  try {
    retain_newest(folder_, keep_, just_written);
    delete_set_aside(folder_);
    remove_leftovers(folder_);  // of what could not be deleted before
  } catch (const IoError& error) {
    tell(error);
  } catch (const std::filesystem::filesystem_error& error) {
    tell(error);
  }
}

}  // namespace ropewalk

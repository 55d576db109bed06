#include "train/start.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"
#include "ropewalk/checkpoint/agree.h"
#include "ropewalk/settings/resume.h"

namespace ropewalk {
namespace {

void refuse_mixing_runs(const RunDirectory& directory,
                        const RunConfig& config,
                        const StartOptions& start) {
  if (start.resume.empty()) {
    if (start.overwrite || !directory.has_checkpoints()) return;
    throw ConfigError("train.run_dir: " + directory.path().string() +
                      " has checkpoints of a run already. Go on with --resume, start over with "
                      "--overwrite, or name another folder");
  }
  const std::optional<Json> stored = directory.stored_config();
  // An explicit checkpoint may belong to another run directory: a fork starts its own.
  if (!stored || !directory.has_checkpoints()) return;
  refuse_differences_on_resume(
      *stored, resolved_json(config), start.allow_change, directory.config_file().string());
}

ResumeRequest request_of(const std::string& resume) {
  if (resume == "newest") return {.kind = ResumeRequest::Kind::kNewest, .path_or_step = {}};
  if (resume == "auto") return {.kind = ResumeRequest::Kind::kNewestOrNone, .path_or_step = {}};
  return {.kind = ResumeRequest::Kind::kExactly, .path_or_step = resume};
}

}  // namespace

std::unique_ptr<RunDirectory> open_run_directory(const RunConfig& config,
                                                 const StartOptions& start,
                                                 dist::Group& group) {
  std::unique_ptr<RunDirectory> directory;
  on_first_rank(group, [&] {
    directory = std::make_unique<RunDirectory>(config.train.run_dir);
    refuse_mixing_runs(*directory, config, start);
    return std::string();
  });
  return directory;
}

std::optional<FoundCheckpoint> find_start(Checkpointer& checkpointer, const StartOptions& start) {
  if (start.resume.empty()) return std::nullopt;
  std::optional<FoundCheckpoint> found = checkpointer.find(request_of(start.resume));
  if (!found) log_info("no checkpoint yet: starting at step 0");
  return found;
}

int64_t load_start(Checkpointer& checkpointer, const FoundCheckpoint& found) {
  const LoadedCheckpoint loaded = checkpointer.load(found);
  if (!loaded.rope_difference.empty()) {
    throw CheckpointError(found.path.string() +
                          ": its positions are not this run's: " + loaded.rope_difference +
                          ". --resume continues the same model; to extend it further, name it as "
                          "model.pretrained of a new run");
  }
  log_info("resumed " + found.path.string() + " at step " + std::to_string(loaded.step));
  for (const std::string& difference : loaded.environment_differences) {
    log_warn("not bit for bit as before: " + difference);
  }
  return loaded.step;
}

}  // namespace ropewalk

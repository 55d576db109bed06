#include "train/start.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"
#include "ropewalk/checkpoint/agree.h"
#include "ropewalk/settings/resume.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk {
namespace {

void refuse_second_run(const RunDirectory& directory, const StartOptions& start) {
  if (!start.resume.empty() || start.overwrite || !directory.has_checkpoints()) return;
  throw ConfigError("train.run_dir: " + directory.path().string() +
                    " has checkpoints of a run already. Go on with --resume, start over with "
                    "--overwrite, or name another folder");
}

void refuse_mixing_runs(const FoundCheckpoint& found,
                        const RunConfig& config,
                        const StartOptions& start) {
  const std::filesystem::path own = std::filesystem::path(config.train.run_dir) / "checkpoints";
  if (start.overwrite || is_in(found, own) || list_checkpoints(own).empty()) return;
  throw ConfigError("train.run_dir: " + config.train.run_dir + " has checkpoints of its own, and " +
                    found.path.string() +
                    " is another run's. Branch off into a new train.run_dir, or give --overwrite");
}

ResumeRequest request_of(const std::string& resume) {
  if (resume == "newest") return {.kind = ResumeRequest::Kind::kNewest, .path_or_step = {}};
  if (resume == "auto") return {.kind = ResumeRequest::Kind::kNewestOrNone, .path_or_step = {}};
  return {.kind = ResumeRequest::Kind::kExactly, .path_or_step = resume};
}

}  // namespace

std::unique_ptr<RunDirectory> look_at_run_directory(const RunConfig& config,
                                                    const StartOptions& start,
                                                    dist::Group& group) {
  std::unique_ptr<RunDirectory> directory;
  on_first_rank(group, [&] {
    directory = std::make_unique<RunDirectory>(config.train.run_dir);
    refuse_second_run(*directory, start);
    return std::string();
  });
  return directory;
}

void make_run_directory(RunDirectory* directory, const StartOptions& start, dist::Group& group) {
  on_first_rank(group, [&] {
    directory->make();
    refuse_second_run(*directory, start);
    return std::string();
  });
}

std::optional<FoundCheckpoint> find_start(Checkpointer& checkpointer,
                                          const TrainInputs& inputs,
                                          const StartOptions& start,
                                          dist::Group& group) {
  if (start.resume.empty()) return std::nullopt;
  std::optional<FoundCheckpoint> found = checkpointer.find(request_of(start.resume));
  if (!found) {
    log_info("no checkpoint yet: starting at step 0");
    return found;
  }
  on_first_rank(group, [&] {
    const std::string source = found->path.string();
    refuse_mixing_runs(*found, inputs.config, start);
    refuse_differences_on_resume(
        stored_settings(*found), portable_json(inputs.config), start.allow_change, source);
    refuse_other_model(load_hf_model(found->path), inputs.model, source);
    return std::string();
  });
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

#include "train/start.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"
#include "ropewalk/checkpoint/agree.h"
#include "ropewalk/settings/resume.h"
#include "ropewalk/spec/hf_model.h"
#include "train/start_record.h"

namespace ropewalk {
namespace {

void refuse_second_run(const RunDirectory& directory, const StartOptions& start) {
  if (!start.resume.empty() || start.overwrite || !directory.has_checkpoints()) return;
  throw ConfigError("train.run_dir: " + directory.path().string() +
                    " has checkpoints of a run already. Go on with --resume, start over with "
                    "--overwrite, or name another folder");
}

std::filesystem::path own_checkpoints(const RunConfig& config) {
  return std::filesystem::path(config.train.run_dir) / "checkpoints";
}

void refuse_mixing_runs(const FoundCheckpoint& found,
                        const RunConfig& config,
                        const StartOptions& start) {
  const std::filesystem::path own = own_checkpoints(config);
  if (start.overwrite || is_in(found, own) || list_checkpoints(own).empty()) return;
  throw ConfigError("train.run_dir: " + config.train.run_dir + " has checkpoints of its own, and " +
                    found.path.string() +
                    " is another run's. Branch off into a new train.run_dir, or give --overwrite");
}

void refuse_other_positions(const FoundCheckpoint& found, const TrainInputs& inputs) {
  const std::string difference = rope_difference(found, inputs.model.spec.rope);
  if (difference.empty()) return;
  throw CheckpointError(found.path.string() + ": its positions are not this run's: " + difference +
                        ". --resume continues the same model; to extend it further, name it as "
                        "model.pretrained of a new run");
}

constexpr int kMostFruitlessStarts = 2;

StartRecord record_of(const FoundCheckpoint& found, const TrainInputs& inputs, int num_ranks) {
  const std::string settings = resolved_json(inputs.config).dump() + std::to_string(num_ranks);
  return {std::filesystem::path(inputs.config.train.run_dir) / "starts.json",
          found.manifest_hash + " " + hash_text(settings)};
}

// Goes back by one checkpoint, then ends: further back, more is lost than a person may want.
Objection object_to_fruitless(const TrainInputs& inputs, int num_ranks) {
  return [&inputs, num_ranks, passed = std::string()](const FoundCheckpoint& found) mutable {
    if (record_of(found, inputs, num_ranks).num_fruitless() < kMostFruitlessStarts) {
      return std::string();
    }
    const std::string reason =
        std::to_string(kMostFruitlessStarts) +
        " starts from it ended before a step was done; --resume=" + std::to_string(found.step) +
        " takes it all the same";
    if (!passed.empty()) {
      throw CheckpointError(found.path.string() + ": " + reason + "\n" + passed +
                            "\nthe run does not go back any further by itself: see why its starts "
                            "end, or name an older step with --resume=STEP");
    }
    passed = found.path.string() + ": " + reason;
    return reason;
  };
}

ResumeRequest request_of(const std::string& resume, const Objection& objection) {
  using Kind = ResumeRequest::Kind;
  if (resume == "newest") return {.kind = Kind::kNewest, .objection = objection};
  if (resume == "auto") return {.kind = Kind::kNewestOrNone, .objection = objection};
  return {.kind = Kind::kExactly, .path_or_step = resume};
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
  std::optional<FoundCheckpoint> found =
      checkpointer.find(request_of(start.resume, object_to_fruitless(inputs, group.size())));
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
    refuse_other_positions(*found, inputs);
    return std::string();
  });
  return found;
}

void load_start(Checkpointer& checkpointer,
                const FoundCheckpoint& found,
                const TrainInputs& inputs,
                dist::Group& group) {
  on_first_rank(group, [&] {
    if (is_in(found, own_checkpoints(inputs.config)))
      record_of(found, inputs, group.size()).note_start();
    return std::string();
  });
  const LoadedCheckpoint loaded = checkpointer.load(found);
  log_info("resumed " + found.path.string() + " at step " + std::to_string(loaded.step));
  for (const std::string& difference : loaded.environment_differences) {
    log_warn("not bit for bit as before: " + difference);
  }
}

void note_first_step(const FoundCheckpoint& found, const TrainInputs& inputs, int num_ranks) {
  try {
    record_of(found, inputs, num_ranks).note_step();
  } catch (const IoError& error) {
    log_warn(std::string(error.what()) + "; that this start came to a step is not noted");
  }
}

}  // namespace ropewalk

#include "ropewalk/train/staged_run.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"
#include "ropewalk/checkpoint/discovery.h"
#include "train/callbacks/evaluation.h"

namespace ropewalk {
namespace {

// Every stage was read as a run config before.
std::filesystem::path run_dir_of(const RunStage& stage) {
  return stage.config.at("train").at("run_dir").get<std::string>();
}

std::filesystem::path metrics_of(const RunStage& stage) {
  return run_dir_of(stage) / "metrics.jsonl";
}

int64_t steps_of(const RunStage& stage) {
  Diagnostics ignored;
  return parse_run_config(stage.config, RunPurpose::kInspect, ignored).train.steps;
}

}  // namespace

StagedRun::StagedRun(std::vector<RunStage> stages,
                     const StartOptions& start,
                     std::shared_ptr<dist::Group> group,
                     Announce announce)
    : stages_(std::move(stages)),
      start_(start),
      group_(std::move(group)),
      announce_(std::move(announce)) {}

int StagedRun::run() {
  if (stages_.front().number == 0) return train(stages_.front(), start_);
  refuse_impossible_start();
  std::string pretrained;
  for (size_t i = 0; i < stages_.size(); ++i) {
    RunStage& stage = stages_[i];
    if (!pretrained.empty()) stage.config["model"]["pretrained"] = pretrained;
    const Progress progress = look_at(stage);
    // A stage that has begun has passed the gate before it.
    const bool has_gate_ahead = i + 1 < stages_.size() && look_at(stages_[i + 1]).newest.empty();
    if (start_.resume.empty() || progress.step < steps_of(stage)) {
      // Without --resume a stage that has begun is refused by its trainer.
      if (!start_.resume.empty() || progress.newest.empty()) refuse_later_stages_begun(i);
      const int code = train(stage, start_of(stage, progress));
      if (code != kExitDone) return code;
    } else if (has_gate_ahead && !stage.gates.empty() &&
               lacks_evaluation(progress.step, metrics_of(stage), *group_)) {
      train(stage, start_);  // makes up for the evaluation
    }
    if (has_gate_ahead) pass_gate(stage);
    pretrained = look_at(stage).newest;
  }
  return kExitDone;
}

StagedRun::Progress StagedRun::look_at(const RunStage& stage) const {
  Json seen = {{"newest", ""}, {"step", 0}};
  if (group_->rank() == 0) {
    const auto found = list_checkpoints(run_dir_of(stage) / "checkpoints");
    if (!found.empty()) {
      seen = {{"newest", found.front().path.string()}, {"step", found.front().step}};
    }
  }
  seen = parse_json(group_->broadcast_text(seen.dump()), "the stage's folder");
  return {.newest = seen.at("newest").get<std::string>(), .step = seen.at("step").get<int64_t>()};
}

void StagedRun::refuse_impossible_start() const {
  if (start_.overwrite) {
    throw ConfigError(
        "--overwrite: stages go on from each other, so that a folder of a stage to come would be "
        "taken "
        "for its beginning. Remove the run directory, or name another train.run_dir");
  }
  if (!start_.resume.empty() && start_.resume != "newest" && start_.resume != "auto") {
    throw ConfigError(
        "--resume=" + start_.resume +
        ": a run with stages goes on where it is; expected --resume or --resume=auto. To "
        "go back, remove what is newer");
  }
}

void StagedRun::refuse_later_stages_begun(size_t unfinished) const {
  for (size_t later = unfinished + 1; later < stages_.size(); ++later) {
    const Progress progress = look_at(stages_[later]);
    if (progress.newest.empty()) continue;
    throw ConfigError(progress.newest + ": stage " + std::to_string(later + 1) +
                      " has begun, though stage " + std::to_string(unfinished + 1) +
                      " has steps to do: it would go on from weights that are no longer its "
                      "beginning. Remove its folder, or set train.steps of stage " +
                      std::to_string(unfinished + 1) + " back");
  }
}

StartOptions StagedRun::start_of(const RunStage& stage, const Progress& progress) const {
  StartOptions start = start_;
  // The run as a whole goes on; this stage begins.
  if (stage.number > 1 && progress.newest.empty()) start.resume.clear();
  return start;
}

int StagedRun::train(const RunStage& stage, const StartOptions& start) {
  Diagnostics remarks;
  TrainInputs inputs = load_train_inputs(stage, group_->size(), remarks);
  if (stage.number > 0 && group_->rank() == 0) log_info(stage.source);
  announce_(inputs, remarks);
  Trainer trainer(std::move(inputs), start, group_);
  return trainer.run();
}

void StagedRun::pass_gate(const RunStage& stage) const {
  const int64_t step = look_at(stage).step;
  // Rank 0's file; every rank ends alike.
  std::string fault;
  if (group_->rank() == 0) fault = join(shut_gates(stage, step, metrics_of(stage)), "; ");
  fault = group_->broadcast_text(fault);
  if (fault.empty()) return;
  throw Error("stage " + std::to_string(stage.number) + " is done, but its gate stays shut: " +
                  fault + ". Stage " + std::to_string(stage.number + 1) +
                  " was not begun. Give stage " + std::to_string(stage.number) +
                  " more train.steps, or change its gate, and go on with --resume",
              kExitFailure);
}

}  // namespace ropewalk

#include "ropewalk/checkpoint/checkpointer.h"

#include "checkpoint/background_task.h"
#include "checkpoint/host_copies.h"
#include "checkpoint/import_unverified.h"
#include "checkpoint/merged_weights.h"
#include "checkpoint/retention.h"
#include "checkpoint/run_checkpoints.h"
#include "checkpoint/save_plan.h"
#include "checkpoint/save_work.h"
#include "checkpoint/state_file.h"
#include "checkpoint/trainer_files.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"
#include "ropewalk/checkpoint/agree.h"
#include "ropewalk/checkpoint/environment.h"
#include "ropewalk/formats/manifest.h"
#include "ropewalk/rope/identity.h"

namespace ropewalk {

Json stored_settings(const FoundCheckpoint& checkpoint) {
  return read_state(checkpoint.path).at("settings");
}

std::string rope_difference(const FoundCheckpoint& checkpoint, const RopeParameters& now) {
  const Json stored = read_state(checkpoint.path).at("rope");
  const IdentityComparison comparison = compare_identity(stored, now);
  return comparison.match == IdentityMatch::kSame ? std::string() : comparison.text;
}

struct Checkpointer::Parts {
  Parts(CheckpointerOptions given,
        const DecoderSpec& decoder,
        dist::NamedShardedTensors live,
        std::shared_ptr<dist::Group> ranks)
      : options(std::move(given)),
        spec(decoder),
        map(weight_map(spec)),
        weights(std::move(live)),
        group(std::move(ranks)),
        checkpoints(options.run_dir / "checkpoints", options.keep) {
    ROPEWALK_CHECK(weights.size() == map.size(),
                   "the weight map and the model list different parameters");
  }

  SaveWork plan_work(int64_t step);
  void use_twins(SaveWork& work);

  CheckpointerOptions options;
  DecoderSpec spec;
  std::vector<WeightEntry> map;
  dist::NamedShardedTensors weights;
  std::shared_ptr<dist::Group> group;
  std::vector<Stateful*> owners;
  RunCheckpoints checkpoints;
  // For saves in the background; made by the first of them.
  std::shared_ptr<dist::Group> twin_of_all;
  std::shared_ptr<dist::Group> twin_of_writers;
  HostCopies copies;
  BackgroundTask background;  // last: it uses the others
};

Checkpointer::Checkpointer(CheckpointerOptions options,
                           const DecoderSpec& spec,
                           dist::NamedShardedTensors weights,
                           std::shared_ptr<dist::Group> group)
    : parts_(std::make_unique<Parts>(
          std::move(options), spec, std::move(weights), std::move(group))) {}

Checkpointer::~Checkpointer() = default;

void Checkpointer::add(Stateful& owner) {
  for (const Stateful* other : parts_->owners) {
    ROPEWALK_CHECK(other->key() != owner.key(), "two owners of state are called " + owner.key());
  }
  ROPEWALK_CHECK(owner.key() != kMasterStem, "the name is taken by the master weights");
  parts_->owners.push_back(&owner);
}

void Checkpointer::clean_up() {
  on_first_rank(*parts_->group, [&] {
    const std::vector<std::string> removed = remove_leftovers(parts_->checkpoints.folder());
    if (!removed.empty()) log_info("removed what an earlier run left: " + join(removed, ", "));
    return std::string();
  });
}

void Checkpointer::start_over() { parts_->checkpoints.replace_after(-1); }

std::optional<FoundCheckpoint> Checkpointer::find(const ResumeRequest& request) {
  const std::string agreed = on_first_rank(*parts_->group, [&] {
    std::optional<FoundCheckpoint> found;
    if (request.kind == ResumeRequest::Kind::kExactly) {
      found = find_checkpoint(parts_->checkpoints.folder(), request.path_or_step);
    } else {
      found = find_newest_checkpoint(parts_->checkpoints.folder(), request.objection);
    }
    if (!found) return std::string();
    for (const SkippedCheckpoint& skipped : found->skipped) {
      log_warn("passed over " + skipped.path.string() + ": " + skipped.reason);
    }
    Json chosen = {{"path", found->path.string()}, {"step", found->step}};
    chosen["manifest"] = found->manifest_hash;
    return chosen.dump();
  });
  if (agreed.empty()) {
    if (request.kind == ResumeRequest::Kind::kNewestOrNone) return std::nullopt;
    throw CheckpointError(parts_->checkpoints.folder().string() +
                          ": has no checkpoint to resume from; --resume=auto starts anew when "
                          "there is none");
  }
  const Json chosen = Json::parse(agreed);
  FoundCheckpoint found{.path = chosen.at("path").get<std::string>(),
                        .step = chosen.at("step").get<int64_t>(),
                        .manifest_hash = chosen.at("manifest").get<std::string>()};
  on_every_rank(*parts_->group, [&] {
    const std::string hash = read_manifest(found.path).hash;
    if (hash == found.manifest_hash) return;
    throw CheckpointError(found.path.string() + ": this rank sees manifest " + hash +
                          ", rank 0 sees " + found.manifest_hash +
                          "; all ranks must read the same run directory");
  });
  return found;
}

LoadedCheckpoint Checkpointer::load(const FoundCheckpoint& checkpoint) {
  LoadedCheckpoint loaded{.step = checkpoint.step};
  on_every_rank(*parts_->group, [&] {
    const Json state = read_state(checkpoint.path);
    const std::vector<WeightEntry>& map = parts_->map;
    const TrainerFiles files(checkpoint.path);
    std::vector<ParameterTensors> groups;
    const bool has_masters = TrainerFiles::has_masters(checkpoint.path);
    if (has_masters) groups.push_back({kMasterSuffix, parts_->weights});
    for (Stateful* owner : parts_->owners) {
      for (ParameterTensors& group : owner->tensors()) groups.push_back(std::move(group));
    }
    Diagnostics faults;
    for (const ParameterTensors& group : groups) files.check(map, group, faults);
    for (const std::string& name : files.left_over(map, groups)) {
      faults.error(name, "is left over: nothing in this run owns it");
    }
    for (const Stateful* owner : parts_->owners) {
      if (!state.at("owners").contains(owner->key())) {
        faults.error(owner->key(), "has no state in " + std::string(kStateName));
      }
    }
    faults.throw_if_errors<CheckpointError>((checkpoint.path / kTrainerFolder).string());

    const bool are_elsewhere = parts_->spec.lora.has_value();
    if (!has_masters && !are_elsewhere)
      import_unverified(parts_->weights, parts_->spec, checkpoint.path);
    for (const ParameterTensors& group : groups) files.copy_to(map, group);
    for (Stateful* owner : parts_->owners) owner->load_state(state.at("owners").at(owner->key()));
    loaded.environment_differences = environment_differences(
        state.at("environment"),
        describe_environment(parts_->group->size(), parts_->options.device));
  });
  const bool is_own = is_in(checkpoint, parts_->checkpoints.folder());
  parts_->checkpoints.replace_after(is_own ? checkpoint.step : -1);
  parts_->checkpoints.set_newest(checkpoint.path);
  return loaded;
}

SaveWork Checkpointer::Parts::plan_work(int64_t step) {
  const dist::NamedShardedTensors model = merged_weights(weights, spec);
  const SaveRequest request{.map = map,
                            .weights = model,
                            .owners = owners,
                            .dtype = options.dtype,
                            .masters = options.dtype != DType::kF32 && !spec.lora,
                            .max_file_bytes = options.max_shard_bytes};
  SaveWork work{.step = step, .plan = plan_save(request), .all = group};
  work.writers = choose_writers(request, group);
  choose_owners(work.plan.files, work.writers.group->size());
  if (group->rank() != 0) return work;  // it writes the state
  work.state = state_text({.step = step,
                           .settings = options.settings,
                           .environment = describe_environment(group->size(), options.device)},
                          owners,
                          spec.rope);
  return work;
}

void Checkpointer::Parts::use_twins(SaveWork& work) {
  if (twin_of_all == nullptr) {
    twin_of_all = work.all->host_twin();
    twin_of_writers =
        work.writers.group == work.all ? twin_of_all : work.writers.group->host_twin();
  }
  work.all = twin_of_all;
  work.writers.group = twin_of_writers;
}

std::filesystem::path Checkpointer::save(int64_t step) {
  finish();
  const std::filesystem::path target = parts_->checkpoints.target(step);
  if (parts_->checkpoints.newest() != target) {
    write_checkpoint(parts_->plan_work(step), parts_->options, parts_->checkpoints);
  }
  return target;
}

void Checkpointer::begin_save(int64_t step) {
  finish();
  if (parts_->checkpoints.newest() == parts_->checkpoints.target(step)) return;
  SaveWork work = parts_->plan_work(step);
  parts_->use_twins(work);
  parts_->copies.take(work);
  parts_->background.start([parts = parts_.get(), work = std::move(work)] {
    write_checkpoint(work, parts->options, parts->checkpoints);
  });
}

std::filesystem::path Checkpointer::newest() const { return parts_->checkpoints.newest(); }

bool Checkpointer::has_failed() const { return parts_->background.has_failed(); }

void Checkpointer::finish() { parts_->background.wait(); }

}  // namespace ropewalk

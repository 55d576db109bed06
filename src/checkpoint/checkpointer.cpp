#include "ropewalk/checkpoint/checkpointer.h"

#include <functional>

#include "checkpoint/hf_folder.h"
#include "checkpoint/import_unverified.h"
#include "checkpoint/retention.h"
#include "checkpoint/save_plan.h"
#include "checkpoint/trainer_files.h"
#include "checkpoint/write_files.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"
#include "ropewalk/checkpoint/agree.h"
#include "ropewalk/checkpoint/environment.h"
#include "ropewalk/formats/manifest.h"
#include "ropewalk/rope/identity.h"

namespace ropewalk {
namespace {

constexpr const char* kStateFormat = "ropewalk-trainer-state";
constexpr int kStateVersion = 2;

Json read_state(const std::filesystem::path& checkpoint) {
  const std::filesystem::path path = checkpoint / kTrainerFolder / kStateName;
  Json state = read_json_file(path);
  if (!state.is_object() || state.value("format", "") != kStateFormat) {
    throw CheckpointError(path.string() + ": is no trainer state; another program wrote it");
  }
  const Json version = state.value("version", Json());
  if (version != kStateVersion) {
    throw CheckpointError(path.string() + ": is trainer state of version " + version.dump() +
                          ", this program reads version " + std::to_string(kStateVersion) +
                          ". Resume with the program that wrote it, or start a new run with "
                          "model.pretrained: the weights beside it are a model in any version");
  }
  for (const char* key : {"step", "settings", "owners", "rope", "environment"}) {
    if (!state.contains(key)) throw CheckpointError(path.string() + ": has no \"" + key + "\"");
  }
  return state;
}

using Work = std::function<std::string()>;

// Errors of the disk say what the save of `num_bytes` needs.
Work with_advice(const std::filesystem::path& target, uint64_t num_bytes, const Work& work) {
  return [=] {
    try {
      return work();
    } catch (const NotDurableError&) {
      throw;
    } catch (const IoError& error) {
      throw IoError(std::string(error.what()) + "\nsaving " + target.string() + " needs " +
                    format_bytes(num_bytes) +
                    "; the unfinished folder was removed and earlier checkpoints are as they were: "
                    "free space, then start again with --resume");
    }
  };
}

std::string entries_text(const std::vector<ManifestEntry>& entries) {
  Json list = Json::array();
  for (const ManifestEntry& entry : entries) {
    list.push_back({entry.path, entry.size_bytes, entry.hash});
  }
  return list.dump();
}

std::vector<ManifestEntry> entries_in(const std::vector<std::string>& texts) {
  std::vector<ManifestEntry> entries;
  for (const std::string& text : texts) {
    for (const Json& entry : Json::parse(text)) {
      entries.push_back({entry[0].get<std::string>(), entry[1].get<uint64_t>(), entry[2]});
    }
  }
  return entries;
}

std::string rope_difference(const Json& stored, const RopeParameters& now) {
  const IdentityComparison comparison = compare_identity(stored, now);
  return comparison.match == IdentityMatch::kSame ? std::string() : comparison.text;
}

}  // namespace

Json stored_settings(const FoundCheckpoint& checkpoint) {
  return read_state(checkpoint.path).at("settings");
}

Checkpointer::Checkpointer(CheckpointerOptions options,
                           const DecoderSpec& spec,
                           dist::NamedShardedTensors weights,
                           std::shared_ptr<dist::Group> group)
    : options_(std::move(options)),
      spec_(spec),
      weights_(std::move(weights)),
      group_(std::move(group)) {
  ROPEWALK_CHECK(options_.keep >= 1, "at least one checkpoint is kept");
}

void Checkpointer::add(Stateful& owner) {
  for (const Stateful* other : owners_) {
    ROPEWALK_CHECK(other->key() != owner.key(), "two owners of state are called " + owner.key());
  }
  ROPEWALK_CHECK(owner.key() != kMasterStem, "the name is taken by the master weights");
  owners_.push_back(&owner);
}

void Checkpointer::clean_up() {
  on_first_rank(*group_, [&] {
    const std::vector<std::string> removed = remove_leftovers(checkpoints_dir());
    if (!removed.empty()) log_info("removed what an earlier run left: " + join(removed, ", "));
    return std::string();
  });
}

void Checkpointer::start_over() { set_aside_pending_ = true; }

std::optional<FoundCheckpoint> Checkpointer::find(const ResumeRequest& request) {
  const std::string agreed = on_first_rank(*group_, [&] {
    std::optional<FoundCheckpoint> found;
    if (request.kind == ResumeRequest::Kind::kExactly) {
      found = find_checkpoint(checkpoints_dir(), request.path_or_step);
    } else {
      found = find_newest_checkpoint(checkpoints_dir());
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
    throw CheckpointError(checkpoints_dir().string() +
                          ": has no checkpoint to resume from; --resume=auto starts anew when "
                          "there is none");
  }
  const Json chosen = Json::parse(agreed);
  FoundCheckpoint found{.path = chosen.at("path").get<std::string>(),
                        .step = chosen.at("step").get<int64_t>(),
                        .manifest_hash = chosen.at("manifest").get<std::string>()};
  on_every_rank(*group_, [&] {
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
  on_every_rank(*group_, [&] {
    const Json state = read_state(checkpoint.path);
    const std::vector<WeightEntry> map = weight_map(spec_);
    const TrainerFiles files(checkpoint.path);
    std::vector<ParameterTensors> groups;
    const bool has_masters = TrainerFiles::has_masters(checkpoint.path);
    if (has_masters) groups.push_back({kMasterSuffix, weights_});
    for (Stateful* owner : owners_) {
      for (ParameterTensors& group : owner->tensors()) groups.push_back(std::move(group));
    }
    Diagnostics faults;
    for (const ParameterTensors& group : groups) files.check(map, group, faults);
    for (const std::string& name : files.left_over(map, groups)) {
      faults.error(name, "is left over: nothing in this run owns it");
    }
    for (const Stateful* owner : owners_) {
      if (!state.at("owners").contains(owner->key())) {
        faults.error(owner->key(), "has no state in " + std::string(kStateName));
      }
    }
    faults.throw_if_errors<CheckpointError>((checkpoint.path / kTrainerFolder).string());

    if (!has_masters) import_unverified(weights_, spec_, checkpoint.path);
    for (const ParameterTensors& group : groups) files.copy_to(map, group);
    for (Stateful* owner : owners_) owner->load_state(state.at("owners").at(owner->key()));
    loaded.rope_difference = rope_difference(state.at("rope"), spec_.rope);
    loaded.environment_differences = environment_differences(
        state.at("environment"), describe_environment(group_->size(), options_.device));
  });
  if (is_in(checkpoint, checkpoints_dir())) loaded_step_ = checkpoint.step;
  set_aside_pending_ = true;
  return loaded;
}

std::filesystem::path Checkpointer::save(int64_t step) {
  const std::filesystem::path target = checkpoints_dir() / checkpoint_name(step);
  if (target == last_written_) return target;
  const std::vector<WeightEntry> map = weight_map(spec_);
  const SaveRequest request{.map = map,
                            .weights = weights_,
                            .owners = owners_,
                            .dtype = options_.dtype,
                            .max_file_bytes = options_.max_shard_bytes};
  const SavePlan plan = plan_save(request);
  const std::shared_ptr<dist::Group> writers = choose_writers(request, group_);
  const auto part = [&](const Work& work) { return with_advice(target, plan.num_bytes, work); };
  std::filesystem::path folder;
  try {
    const auto make_folder = [&] {
      std::filesystem::create_directories(checkpoints_dir());
      folder = temporary_sibling(target);
      std::filesystem::create_directories(folder / kTrainerFolder);
      return folder.string();
    };
    folder = on_first_rank(*group_, part(make_folder));
    const auto write_own = [&] {
      return entries_text(writers ? write_files(folder, plan.files, *writers)
                                  : std::vector<ManifestEntry>());
    };
    const std::vector<std::string> written = from_every_rank(*group_, part(write_own));
    const auto publish = [&] {
      write_rest(folder, step, plan);
      write_manifest(folder, {{"step", step}}, entries_in(written));
      if (set_aside_pending_) set_aside_replaced();
      publish_directory(folder, target);
      return std::string();
    };
    on_first_rank(*group_, part(publish));
  } catch (...) {
    std::error_code ignored;
    if (group_->rank() == 0) std::filesystem::remove_all(folder, ignored);
    throw;
  }
  last_written_ = target;
  on_first_rank(*group_, [&] {
    delete_older();
    return std::string();
  });
  return target;
}

void Checkpointer::write_rest(const std::filesystem::path& folder,
                              int64_t step,
                              const SavePlan& plan) const {
  write_hf_companions(folder, options_.model_config, options_.dtype, options_.copied_from);
  write_model_index(folder, plan.model);
  Json state = {{"format", kStateFormat}, {"version", kStateVersion}, {"step", step}};
  state["settings"] = options_.settings;
  state["owners"] = Json::object();
  for (const Stateful* owner : owners_) state["owners"][owner->key()] = owner->state();
  state["rope"] = rope_identity(spec_.rope);
  state["environment"] = describe_environment(group_->size(), options_.device);
  FileWriter file(folder / kTrainerFolder / kStateName);
  file.write(to_json_text(state));
  file.close();
}

// What is later than the step that this run began with: steps that it computes anew.
void Checkpointer::set_aside_replaced() {
  for (const CheckpointFolder& folder : list_checkpoints(checkpoints_dir())) {
    if (folder.step <= loaded_step_) continue;
    const std::filesystem::path renamed = set_aside(folder.path);
    log_warn(folder.path.string() + " is replaced: set aside as " + renamed.filename().string() +
             " until the new checkpoint is durable");
  }
  set_aside_pending_ = false;
}

void Checkpointer::delete_older() {
  // The new checkpoint is durable: trouble with old ones is no reason to stop a run.
  try {
    retain_newest(checkpoints_dir(), options_.keep, last_written_);
    delete_set_aside(checkpoints_dir());
  } catch (const IoError& error) {
    log_warn(std::string("cannot delete an old checkpoint: ") + error.what());
  }
}

}  // namespace ropewalk

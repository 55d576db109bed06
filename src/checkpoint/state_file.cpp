#include "checkpoint/state_file.h"

#include "checkpoint/trainer_files.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/rope/identity.h"

namespace ropewalk {
namespace {

constexpr const char* kStateFormat = "ropewalk-trainer-state";
constexpr int kStateVersion = 2;

}  // namespace

std::string state_text(const StateFields& fields,
                       const std::vector<Stateful*>& owners,
                       const RopeParameters& rope) {
  Json state = {{"format", kStateFormat}, {"version", kStateVersion}, {"step", fields.step}};
  state["settings"] = fields.settings;
  state["owners"] = Json::object();
  for (const Stateful* owner : owners) state["owners"][owner->key()] = owner->state();
  state["rope"] = rope_identity(rope);
  state["environment"] = fields.environment;
  return to_json_text(state);
}

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

}  // namespace ropewalk

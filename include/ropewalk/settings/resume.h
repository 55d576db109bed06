// What may change when a run is resumed: keys declared `may_change_on_resume`.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/base/json.h"

namespace ropewalk {

struct HfModel;  // spec/hf_model.h

struct Difference {
  std::string key;  // "optimizer.learning_rate"
  Json stored;      // null: was unset
  Json now;         // null: is unset
};

// Differences between two resolved configs that may not change. A key that `stored` does not know
// yet counts as its default. `allow_change` holds keys or whole sections.
std::vector<Difference> differences_on_resume(const Json& stored,
                                              const Json& now,
                                              const std::vector<std::string>& allow_change = {});

// The list of differences for the user, with what to do; throws ConfigError unless it is empty.
// Also throws when `allow_change` names a key that does not exist.
void refuse_differences_on_resume(const Json& stored,
                                  const Json& now,
                                  const std::vector<std::string>& allow_change,
                                  const std::string& source);

// Throws ConfigError when the checkpoint's model computes something else than the run's, with the
// entries in which their config.json differ. Entries that change nothing are no difference. Apart
// from `rope`, which Checkpointer::load compares.
void refuse_other_model(const HfModel& stored, const HfModel& now, const std::string& source);

}  // namespace ropewalk

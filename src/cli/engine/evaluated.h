// A checkpoint that is evaluated under several scalings by the ranks of a group.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cli/engine/load_decoder.h"
#include "cli/options/evaluated_model.h"
#include "ropewalk/dist/group.h"

namespace ropewalk::cli {

class Evaluated {
 public:
  // Sets up logging, threads and the group. Faults of the options are ConfigErrors, before weights
  // are read.
  explicit Evaluated(const EvaluatedModel& options);
  // Another checkpoint under its own scaling, by the ranks of a group that is there.
  Evaluated(const std::string& checkpoint, std::shared_ptr<dist::Group> group);

  const HfModel& model() const { return model_; }
  dist::Group& group() { return *group_; }
  const std::shared_ptr<dist::Group>& shared_group() const { return group_; }
  // One rank prints and writes files.
  bool writes() const { return group_->rank() == 0; }

  // Calls `evaluate` under each scaling in turn; the weights are loaded once, with the first call.
  // Warns where the scaling does not reach `longest` positions.
  void for_each_scaling(int64_t longest, const std::function<void(Decoder&)>& evaluate);

 private:
  std::string checkpoint_;
  HfModel model_;
  std::vector<RopeParameters> ropes_;
  std::shared_ptr<dist::Group> group_;
  std::shared_ptr<Decoder> decoder_;
};

}  // namespace ropewalk::cli

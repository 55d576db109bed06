// Which files a checkpoint's tensors go to. The files and their bytes depend neither on the number
// of ranks nor on how they hold the tensors.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "checkpoint/tensor_files.h"
#include "ropewalk/checkpoint/stateful.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {

struct SavePlan {
  std::vector<OutputFile> model;  // the HF directory's
  std::vector<OutputFile> files;  // all, those of trainer/ too
  uint64_t num_bytes = 0;         // of all tensors
};

struct SaveRequest {
  const std::vector<WeightEntry>& map;  // must outlive the plan
  const dist::NamedShardedTensors& weights;
  const std::vector<Stateful*>& owners;
  DType dtype = DType::kF32;  // of the model
  bool masters = false;       // the same weights in fp32 are added
  uint64_t max_file_bytes = 0;
};

SavePlan plan_save(const SaveRequest& request);

struct Writers {
  std::shared_ptr<dist::Group>
      group;                  // that holds this rank's shards; all ranks, if there are none
  bool has_this_rank = true;  // false: it holds replicas of what another group writes
};

// The group that rank 0 of `all` belongs to writes. Collective.
Writers choose_writers(const SaveRequest& request, const std::shared_ptr<dist::Group>& all);

}  // namespace ropewalk

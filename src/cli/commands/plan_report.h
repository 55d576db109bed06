// What `plan` found, and its two forms: text and JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/plan/advice.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk::cli {

struct RecomputePlan {
  Recompute recompute = Recompute::kNone;
  int64_t activation_bytes = 0;  // kept and recomputed, at the peak
  int64_t peak_bytes = 0;
};

struct PlanFindings {
  DecoderSpec spec;
  plan::RunShape shape;
  plan::Limits limits;
  plan::MemoryPlan memory;
  plan::StepTime time;
  std::vector<RecomputePlan> by_recompute;
  int64_t longest_sequence = 0;
  std::optional<plan::Advice> advice;   // nothing: no settings make it fit
  std::optional<int64_t> ranks_needed;  // looked for without advice
  std::vector<std::string> remarks;

  bool fits() const { return memory.peak_bytes() <= limits.memory_bytes; }
};

Json plan_json(const PlanFindings& findings);
std::string plan_text(const PlanFindings& findings);

}  // namespace ropewalk::cli

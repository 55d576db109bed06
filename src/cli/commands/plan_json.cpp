// The JSON form of a plan.
#include "cli/commands/plan_report.h"
#include "ropewalk/config/writer.h"
#include "ropewalk/spec/formulas.h"

namespace ropewalk::cli {
namespace {

Json uses_json(const plan::UseBytes& bytes) {
  Json json = Json::object();
  for (int64_t i = 0; i < plan::kNumUses; ++i) {
    const auto use = static_cast<plan::Use>(i);
    json[plan::use_name(use)] = of(bytes, use);
  }
  json["total"] = plan::total(bytes);
  return json;
}

Json memory_json(const plan::MemoryPlan& memory) {
  Json json = {{"peak_bytes", memory.peak_bytes()},
               {"peak_at", plan::moment_name(memory.peak().moment)},
               {"host_bytes", memory.host_bytes}};
  for (const plan::MemoryAt& at : memory.moments) {
    json["bytes_at"][plan::moment_name(at.moment)] = uses_json(at.bytes);
  }
  return json;
}

Json time_json(const plan::StepTime& time) {
  return {{"step_s", time.step_s},
          {"tokens_per_second", time.tokens_per_second},
          {"compute_s", time.compute_s},
          {"memory_s", time.memory_s},
          {"network_s", time.network_s},
          {"host_s", time.host_s},
          {"flops", time.flops},
          {"memory_bytes", time.memory_bytes},
          {"sent_bytes", time.sent_bytes},
          {"host_bytes", time.host_bytes}};
}

Json recompute_json(const std::vector<RecomputePlan>& rows) {
  Json json = Json::object();
  for (const RecomputePlan& row : rows) {
    json[std::string(enum_name(row.recompute))] = {{"activation_bytes", row.activation_bytes},
                                                   {"peak_bytes", row.peak_bytes}};
  }
  return json;
}

Json advice_json(const plan::Advice& advice) {
  Json set = Json::object();
  for (const auto& [key, value] : advice.changes) set[key] = value;
  return {{"set", set}, {"peak_bytes", advice.memory.peak_bytes()}, {"step_s", advice.time.step_s}};
}

}  // namespace

Json plan_json(const PlanFindings& f) {
  Json json = {{"model",
                {{"model_type", f.spec.model_type},
                 {"parameters", parameter_count(f.spec)},
                 {"layers", f.spec.num_layers}}},
               {"ranks", f.shape.ranks},
               {"sequence_length", f.shape.sequence_length},
               {"tokens_of_a_rank", f.shape.tokens()},
               {"micro_steps", f.shape.micro_steps()},
               {"hardware", f.limits.hardware.name},
               {"memory_bytes", f.limits.memory_bytes},
               {"fits", f.fits()},
               {"memory", memory_json(f.memory)},
               {"recompute", recompute_json(f.by_recompute)},
               {"longest_sequence", f.longest_sequence},
               {"time", time_json(f.time)},
               {"cheapest", f.advice ? advice_json(*f.advice) : Json(nullptr)}};
  if (f.ranks_needed) json["ranks_needed"] = *f.ranks_needed;
  json["warnings"] = f.remarks;
  return json;
}

}  // namespace ropewalk::cli

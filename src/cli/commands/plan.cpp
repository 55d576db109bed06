// `ropewalk plan`: a run config, the machine it is meant for, and what will come of the two.
#include <algorithm>
#include <iostream>
#include <thread>

#include "cli/commands/plan_report.h"
#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/config/reader.h"
#include "ropewalk/plan/machine.h"
#include "ropewalk/settings/lora_run.h"
#include "ropewalk/settings/planned_shape.h"
#include "ropewalk/settings/run_config.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk::cli {
namespace {

using plan::Device;
using plan::Hardware;
using plan::RunShape;

Hardware choose_hardware(const PlanOptions& options, Diagnostics& found) {
  const bool gpu_meant = options.gpus || options.memory;
  const std::string name = options.hardware.value_or(gpu_meant ? "h100" : "cpu");
  const auto hardware = plan::find_hardware(name);
  if (hardware) return *hardware;
  std::vector<std::string> names;
  for (const Hardware& row : plan::hardware_table()) names.push_back(row.name);
  const auto nearest = nearest_name(name, names);
  found.error("--hardware",
              "found \"" + name + "\", expected one of " + join(names, ", ") +
                  (nearest ? "; did you mean \"" + *nearest + "\"?" : ""));
  return *plan::find_hardware("h100");
}

int64_t choose_memory(const PlanOptions& options,
                      const Hardware& hardware,
                      int64_t ranks,
                      Diagnostics& found) {
  if (options.memory) {
    const auto bytes = plan::parse_bytes(*options.memory);
    if (bytes) return *bytes;
    found.error("--memory",
                "found \"" + *options.memory +
                    "\", expected a size above zero such as 80GiB, 80GB or 81920MiB");
  }
  if (hardware.memory_bytes > 0) return hardware.memory_bytes;
  return plan::available_memory_bytes().value_or(0) / ranks;
}

void check_against_ranks(const RunConfig& config,
                         const DecoderSpec& spec,
                         const RunShape& shape,
                         Diagnostics& found) {
  check_sequence_length(config.data, spec, found);
  if (!is_sound(found, {"parallel"})) return;
  check_shards_for_ranks(shape.parallel, shape.ranks, found);
  check_context_parallel(shape.parallel, {shape.sequence_length, spec.num_heads}, found);
  if (is_sound(found, {"train"})) check_batch_for_ranks(config, shape.ranks, found);
}

std::vector<RecomputePlan> compare_recompute(const plan::MemoryModel& model, RunShape shape) {
  std::vector<RecomputePlan> rows;
  for (const Recompute recompute : {Recompute::kNone, Recompute::kSelective, Recompute::kBlock}) {
    shape.parallel.recompute = recompute;
    const plan::MemoryPlan memory = model.plan(shape);
    const plan::UseBytes& bytes = memory.peak().bytes;
    rows.push_back({recompute,
                    of(bytes, plan::Use::kActivations) + of(bytes, plan::Use::kWorking),
                    memory.peak_bytes()});
  }
  return rows;
}

PlanFindings read_inputs(const PlanOptions& options) {
  PlanFindings findings;
  Diagnostics found;
  const RunConfig config =
      read_run_config(options.run_config, options.set, RunPurpose::kInspect, found);
  std::optional<HfModel> model;
  if (is_sound(found, {"model"})) model = read_model(config.model, found);
  Hardware hardware = choose_hardware(options, found);
  const int64_t ranks = options.gpus.value_or(1);
  findings.limits.memory_bytes = choose_memory(options, hardware, ranks, found);
  if (model) {
    findings.spec = with_lora(config, model->spec, found);
    findings.shape = planned_shape(config, findings.spec, ranks);
    findings.shape.device = hardware.device;
    findings.shape.ranks_per_machine = hardware.ranks_per_machine;
    check_against_ranks(config, model->spec, findings.shape, found);
  }
  found.throw_if_errors<ConfigError>(options.run_config);
  for (const Diagnostics::Item& item : found.warnings()) {
    findings.remarks.push_back(item.where.empty() ? item.text : item.where + ": " + item.text);
  }
  if (hardware.device == Device::kCpu) {
    const int64_t cores = std::max(1u, std::thread::hardware_concurrency());
    const int64_t threads = config.parallel.threads;
    hardware = plan::with_cores(hardware, threads > 0 ? threads : cores / ranks);
  }
  findings.limits.hardware = std::move(hardware);
  return findings;
}

}  // namespace

int run_plan(const PlanOptions& options) {
  PlanFindings findings = read_inputs(options);
  const plan::MemoryModel model(findings.spec);
  findings.memory = model.plan(findings.shape);
  findings.time = plan_step_time(findings.spec, findings.shape, findings.limits.hardware);
  findings.by_recompute = compare_recompute(model, findings.shape);
  findings.longest_sequence = model.longest_sequence(findings.shape, findings.limits.memory_bytes);
  findings.advice = cheapest_that_fits(findings.spec, findings.shape, findings.limits);
  if (!findings.advice) {
    findings.ranks_needed = ranks_that_fit(findings.spec, findings.shape, findings.limits);
  }
  std::cout << (options.json ? to_json_text(plan_json(findings)) : plan_text(findings));
  return kExitDone;
}

}  // namespace ropewalk::cli

// The text form of a plan.
#include "cli/commands/plan_report.h"

#include <algorithm>
#include <cstdio>

#include "ropewalk/base/text.h"
#include "ropewalk/spec/formulas.h"

namespace ropewalk::cli {
namespace {

using plan::MemoryAt;
using plan::RunShape;
using plan::Use;

constexpr double kMiB = 1048576.0, kGiB = 1073741824.0;

const char* use_text(Use use) {
  switch (use) {
    case Use::kWeights:
      return "weights";
    case Use::kGradients:
      return "gradients";
    case Use::kMoments:
      return "moments of AdamW";
    case Use::kActivations:
      return "activations kept";
    case Use::kWorking:
      return "working memory";
    case Use::kLogits:
      return "logits chunk";
    case Use::kHeadGradient:
      return "head gradient";
    case Use::kGathered:
      return "gathered weights, gradients";
    case Use::kCommunication:
      return "communication buffers";
    case Use::kSavedCopy:
      return "copy of a checkpoint";
    case Use::kRuntime:
      return "program and libraries";
    case Use::kSlack:
      return "allocator slack";
  }
  return "";
}

const char* moment_text(plan::Moment moment) {
  switch (moment) {
    case plan::Moment::kLoss:
      return "loss";
    case plan::Moment::kBlock:
      return "block";
    case plan::Moment::kEmbedding:
      return "embedding";
  }
  return "";
}

template <typename... Values>
std::string line(const char* format, Values... values) {
  char text[512];
  std::snprintf(text, sizeof(text), format, values...);
  return std::string(text) + "\n";
}

std::string gib(int64_t bytes) {
  char text[64];
  const bool small = bytes < static_cast<int64_t>(kGiB);
  std::snprintf(text,
                sizeof(text),
                "%.2f %s",
                static_cast<double>(bytes) / (small ? kMiB : kGiB),
                small ? "MiB" : "GiB");
  return text;
}

std::string settings_text(const RunShape& shape) {
  const ParallelConfig& parallel = shape.parallel;
  std::string text =
      counted(shape.ranks, "rank") + ", " + std::string(enum_name(parallel.data_parallel));
  if (parallel.data_parallel != DataParallelKind::kDdp) {
    text += " over " + std::to_string(shape.shard_ranks());
  }
  if (parallel.context_parallel > 1) {
    text += ", context_parallel " + std::to_string(parallel.context_parallel) + " (" +
            std::string(enum_name(parallel.context_parallel_method)) + ")";
  }
  text += ", recompute " + std::string(enum_name(parallel.recompute));
  if (parallel.offload_block_inputs) text += ", offload_block_inputs";
  if (parallel.offload_optimizer) text += ", offload_optimizer";
  return text + ", " + std::string(enum_name(shape.precision));
}

std::string heading(const PlanFindings& f) {
  std::string text;
  text += line("%-12s%s: %s parameters, %s layers",
               "model",
               f.spec.model_type.c_str(),
               format_count(parameter_count(f.spec)).c_str(),
               std::to_string(f.spec.num_layers).c_str());
  text += line("%-12s%s", "run", settings_text(f.shape).c_str());
  text += line("%-12s%s sequences of %s tokens a step; %s at a time, %s tokens of it on a rank",
               "batch",
               std::to_string(f.shape.global_batch_size).c_str(),
               std::to_string(f.shape.sequence_length).c_str(),
               std::to_string(f.shape.micro_batch_size).c_str(),
               std::to_string(f.shape.tokens()).c_str());
  text += line("%-12s%s, %s a rank",
               "hardware",
               f.limits.hardware.name.c_str(),
               gib(f.limits.memory_bytes).c_str());
  return text;
}

std::string memory_table(const PlanFindings& f) {
  const bool large = f.memory.peak_bytes() >= static_cast<int64_t>(kGiB);
  const double unit = large ? kGiB : kMiB;
  std::string text = line("%-32s", large ? "memory of a rank, GiB" : "memory of a rank, MiB");
  text.pop_back();
  for (const MemoryAt& at : f.memory.moments) {
    text += line("%12s", moment_text(at.moment));
    text.pop_back();
  }
  text += "\n";
  const auto row = [&](const char* name, auto bytes_at) {
    text += line("  %-30s", name);
    text.pop_back();
    for (const MemoryAt& at : f.memory.moments) {
      text += line("%12.2f", static_cast<double>(bytes_at(at)) / unit);
      text.pop_back();
    }
    text += "\n";
  };
  for (int64_t i = 0; i < plan::kNumUses; ++i) {
    const auto use = static_cast<Use>(i);
    const bool is_there = std::any_of(f.memory.moments.begin(),
                                      f.memory.moments.end(),
                                      [&](const MemoryAt& at) { return of(at.bytes, use) != 0; });
    if (!is_there) continue;
    row(use_text(use), [&](const MemoryAt& at) { return of(at.bytes, use); });
  }
  row("total", [](const MemoryAt& at) { return plan::total(at.bytes); });
  if (f.memory.host_bytes > 0) {
    text +=
        line("  %-30s%12.2f", "in host memory", static_cast<double>(f.memory.host_bytes) / unit);
  }
  return text;
}

std::string recompute_table(const PlanFindings& f) {
  std::string text = line("%-32s%14s%14s", "recompute", "activations", "peak");
  for (const RecomputePlan& row : f.by_recompute) {
    text += line("  %-30s%14s%14s",
                 std::string(enum_name(row.recompute)).c_str(),
                 gib(row.activation_bytes).c_str(),
                 gib(row.peak_bytes).c_str());
  }
  return text;
}

std::string time_text(const plan::StepTime& time) {
  std::string text =
      line("step: about %s, %s tokens/s: computing %.2fs, memory %.2fs, network %.2fs, host %.2fs",
           format_seconds(time.step_s).c_str(),
           format_count(static_cast<int64_t>(time.tokens_per_second)).c_str(),
           time.compute_s,
           time.memory_s,
           time.network_s,
           time.host_s);
  text += line("      of a rank: %.2f TFLOP, %s moved, %s sent to other ranks",
               time.flops / 1e12,
               gib(static_cast<int64_t>(time.memory_bytes)).c_str(),
               gib(static_cast<int64_t>(time.sent_bytes)).c_str());
  return text;
}

std::string verdict(const PlanFindings& f) {
  const int64_t peak = f.memory.peak_bytes(), limit = f.limits.memory_bytes;
  std::string text = "peak: " + gib(peak) + " of " + gib(limit) + ": ";
  if (f.fits()) {
    text += "fits, " + gib(limit - peak) + " to spare\n";
  } else {
    text += "DOES NOT FIT, " + gib(peak - limit) + " too much\n";
  }
  text += f.longest_sequence > 0 ? "longest sequence that fits with these settings: " +
                                       std::to_string(f.longest_sequence) + " tokens\n"
                                 : std::string("no length fits with these settings\n");
  return text;
}

std::string advice_text(const PlanFindings& f) {
  if (!f.advice) {
    std::string text = "no settings make this length fit on " + counted(f.shape.ranks, "rank") +
                       " of " + gib(f.limits.memory_bytes);
    if (f.ranks_needed) {
      return text + "; " + counted(*f.ranks_needed, "rank") + " would do (--gpus " +
             std::to_string(*f.ranks_needed) + "), or shorten data.sequence_length\n";
    }
    return text + "; take a smaller model or more memory (--memory)\n";
  }
  const plan::Advice& advice = *f.advice;
  if (advice.changes.empty()) return "cheapest settings that fit: these\n";
  std::string text = "cheapest settings that fit: about " + format_seconds(advice.time.step_s) +
                     " a step, peak " + gib(advice.memory.peak_bytes()) + ":\n ";
  for (const auto& [key, value] : advice.changes) text += " --set " + key + "=" + value;
  return text + "\n";
}

}  // namespace

std::string plan_text(const PlanFindings& f) {
  std::string text = heading(f);
  for (const std::string& remark : f.remarks) text += "warning: " + remark + "\n";
  return text + "\n" + memory_table(f) + "\n" + recompute_table(f) + "\n" + verdict(f) +
         time_text(f.time) + advice_text(f);
}

}  // namespace ropewalk::cli

#include <algorithm>
#include <sstream>

#include "cli/commands/extend_plan.h"
#include "ropewalk/base/json.h"
#include "ropewalk/base/text.h"
#include "ropewalk/spec/formulas.h"

namespace ropewalk::cli {
namespace {

// Position Interpolation paper (arXiv 2306.15595): 7B and 13B, then 33B and 65B; YaRN paper
// (arXiv 2309.00071): fewer steps. Below a billion parameters both are too timid.
struct Suggestion {
  int64_t steps = 1000;
  double learning_rate = 2e-5;
  int64_t global_batch_size = 64;
  const char* precision = "bf16";
  std::string steps_reason = "The paper used 1000, of which 200 brought most of the gain";
  std::string rate_reason;
};

Suggestion suggest(const ExtendPlan& plan) {
  Suggestion suggestion;
  const int64_t parameters = parameter_count(plan.model.spec);
  if (plan.after.kind == RopeKind::kYarn) {
    suggestion.steps = 400;
    suggestion.steps_reason = "The YaRN paper used 400 for 16x";
  }
  if (parameters >= 20'000'000'000) {
    suggestion.learning_rate = 1e-5;
    suggestion.rate_reason = "The paper's for 33B and 65B";
  } else if (parameters >= 1'000'000'000) {
    suggestion.rate_reason = "The paper's for 7B and 13B";
  } else {
    suggestion.learning_rate = 1e-4;
    suggestion.precision = "fp32";
    suggestion.rate_reason = "The paper's 2e-5 is for 7B and 13B; small models want more";
  }
  if (plan.after.max_position_embeddings > 16 * 1024) suggestion.global_batch_size = 128;
  return suggestion;
}

std::string quoted(const std::string& text) { return Json(text).dump(); }

std::string quoted_list(const std::vector<std::string>& texts) {
  std::vector<std::string> parts;
  for (const std::string& text : texts) parts.push_back(quoted(text));
  return "[" + join(parts, ", ") + "]";
}

// L, 2L, ... up to the new length, which is always the last.
std::string windows(const RopeParameters& rope) {
  std::vector<std::string> parts;
  int64_t window = rope.original_max_position_embeddings;
  while (window < rope.max_position_embeddings && parts.size() < 16) {
    parts.push_back(std::to_string(window));
    window *= 2;
  }
  parts.push_back(std::to_string(rope.max_position_embeddings));
  return "[" + join(parts, ", ") + "]";
}

void write_model(std::ostream& out, const ExtendPlan& plan, const ExtendOptions& options) {
  const RopeParameters& after = plan.after;
  out << "  \"model\": {\n"
      << "    \"pretrained\": " << quoted(options.checkpoint) << ",\n"
      << "    \"max_position_embeddings\": " << after.max_position_embeddings << ",\n"
      << "    // Total against the pre-training context of "
      << after.original_max_position_embeddings << " positions: positions are divided by it.\n"
      << "    \"pos_scaling_factor\": " << Json(after.factor).dump();
  if (after.kind != RopeKind::kLinear && after.kind != RopeKind::kDefault) {
    out << ",\n    \"pos_scaling_type\": " << quoted(std::string(rope_kind_name(after.kind)));
  }
  if (options.allow_linear_over_native) {
    out << ",\n    // The checkpoint's own kind is replaced, not kept below it.\n"
        << "    \"pos_scaling_type\": \"linear\",\n"
        << "    \"allow_linear_over_native\": true";
  }
  if (options.original_max_position_embeddings) {
    out << ",\n    \"original_max_position_embeddings\": "
        << after.original_max_position_embeddings;
  }
  out << "\n  },\n";
}

void write_data(std::ostream& out, const ExtendPlan& plan, const ExtendOptions& options) {
  out << "  \"data\": {\n";
  if (options.data.empty()) {
    out << "    // Token shards to train on (ropewalk prepare):\n"
        << "    // \"train\": [\"data/train\"],\n";
  } else {
    out << "    \"train\": " << quoted_list(options.data) << ",\n";
  }
  if (!options.validation.empty()) {
    out << "    \"validation\": " << quoted_list(options.validation) << ",\n";
  }
  out << "    \"sequence_length\": " << plan.after.max_position_embeddings << "\n  },\n";
}

void write_training(std::ostream& out, const ExtendPlan& plan, const ExtendOptions& options) {
  const Suggestion suggestion = suggest(plan);
  const std::string run_dir =
      options.run_dir.empty() ? "runs/extend-" + std::to_string(plan.after.max_position_embeddings)
                              : options.run_dir;
  out << "  \"train\": {\n"
      << "    \"run_dir\": " << quoted(run_dir) << ",\n"
      << "    // " << suggestion.steps_reason << ".\n"
      << "    \"steps\": " << suggestion.steps << ",\n"
      << "    \"global_batch_size\": " << suggestion.global_batch_size << ",\n"
      << "    \"micro_batch_size\": 1,\n"
      << "    \"precision\": " << quoted(suggestion.precision) << ",\n"
      << "    \"seed\": 1\n  },\n"
      << "  \"optimizer\": {\n"
      << "    // " << suggestion.rate_reason << ".\n"
      << "    \"learning_rate\": " << Json(suggestion.learning_rate).dump() << ",\n"
      << "    \"betas\": [0.9, 0.95],\n"
      << "    \"weight_decay\": 0.0,\n"
      << "    \"max_grad_norm\": 1.0\n  },\n"
      << "  // The paper's warm-up: 20 steps from a tenth of the rate.\n"
      << "  \"schedule\": { \"type\": \"constant\", \"warmup_steps\": 20, "
         "\"warmup_start_fraction\": 0.1 },\n"
      << "  \"checkpoint\": { \"every_steps\": 100, \"keep\": 2 },\n";
  if (!options.validation.empty()) {
    out << "  \"eval\": { \"every_steps\": 200, \"windows\": " << windows(plan.after) << " },\n";
  }
  out << "  \"log\": { \"every_steps\": 10 }\n";
}

}  // namespace

std::string extension_run_config(const ExtendPlan& plan, const ExtendOptions& options) {
  std::ostringstream out;
  for (const std::string& line : extension_report(plan)) {
    out << (line.empty() ? "//" : "// " + line) << "\n";
  }
  out << "{\n";
  write_model(out, plan, options);
  write_data(out, plan, options);
  write_training(out, plan, options);
  out << "}\n";
  return out.str();
}

}  // namespace ropewalk::cli

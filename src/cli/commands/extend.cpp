// `ropewalk extend`: the factor for a wanted length, composed with what the checkpoint already has.
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "cli/commands/extend_plan.h"
#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/text.h"
#include "ropewalk/rope/hf_rope.h"
#include "ropewalk/rope/scaling.h"

namespace ropewalk::cli {
namespace {

RopeKind parse_method(const std::string& name) {
  const std::vector<std::string> methods = {
      "linear", "default", "dynamic", "yarn", "llama3", "proportional"};
  const auto kind = parse_rope_kind(name);
  if (kind == RopeKind::kLongrope) {
    throw ConfigError(
        "--method: found " + name +
        ", which a length alone does not determine: its short_factor and long_factor are lists. "
        "Write them into a run config's model section, with pos_scaling_type \"longrope\"");
  }
  if (kind) return *kind;
  const auto nearest = nearest_name(name, methods);
  throw ConfigError("--method: found \"" + name + "\"; expected one of " + join(methods, ", ") +
                    " (default: direct tuning without scaling)" +
                    (nearest ? "; did you mean \"" + *nearest + "\"?" : ""));
}

void check_length(const RopeParameters& before, const ExtendOptions& options) {
  if (options.to > before.max_position_embeddings) return;
  throw ConfigError("--to: found " + std::to_string(options.to) + "; " + options.checkpoint +
                    " already has max_position_embeddings " +
                    std::to_string(before.max_position_embeddings) + ": expected more than that");
}

// The total factor with which `length` positions fit.
double total_factor(const RopeParameters& before, RopeKind method, int64_t length) {
  if (method == RopeKind::kDefault) return 1.0;
  // llama3's published factors do not equal L'/L, so what is there grows in proportion.
  const bool native = before.kind == method && method == RopeKind::kLlama3;
  const double needed =
      native ? before.factor * factor_for_length(before.max_position_embeddings, length)
             : factor_for_length(before.original_max_position_embeddings, length);
  return before.kind == method ? std::max(needed, before.factor) : needed;
}

void write_output(const ExtendOptions& options, const std::string& text) {
  const std::filesystem::path path = options.output;
  if (!options.overwrite && std::filesystem::exists(path)) {
    throw ConfigError("--output: " + path.string() +
                      " already exists; give another name, or --overwrite to replace it");
  }
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  write_file_atomic(path, text);
}

ExtendPlan make_plan(const ExtendOptions& options) {
  ExtendPlan plan;
  Diagnostics diagnostics;
  plan.model = load_hf_model(options.checkpoint, &diagnostics);
  const RopeKind method = parse_method(options.method);
  plan.before = plan.model.trained_rope;
  // A stated L also corrects "before", so that the table shows what was composed.
  if (options.original_max_position_embeddings) {
    plan.before.original_max_position_embeddings = *options.original_max_position_embeddings;
  }
  check_length(plan.before, options);

  ScalingRequest request;
  request.where = "";
  request.max_position_embeddings = options.to;
  request.original_max_position_embeddings = options.original_max_position_embeddings;
  request.pos_scaling_type = method;
  request.allow_linear_over_native = options.allow_linear_over_native;
  request.pos_scaling_factor = total_factor(plan.before, method, options.to);
  if (plan.model.spec.rope.theta != plan.before.theta) {
    request.rope_theta = plan.model.spec.rope.theta;
  }
  plan.after = resolve_scaling(plan.before, request, diagnostics);
  diagnostics.throw_if_errors<ConfigError>(options.checkpoint);
  for (const Diagnostics::Item& item : diagnostics.warnings()) {
    plan.remarks.push_back(item.where + ": " + item.text);
  }
  DecoderSpec extended = plan.model.spec;
  extended.rope = plan.after;
  const Json written = plan.model.family->to_hf(extended, plan.model.config);
  for (const std::string& remark : foreign_reader_remarks(written)) plan.remarks.push_back(remark);
  return plan;
}

}  // namespace

int run_extend(const ExtendOptions& options) {
  const ExtendPlan plan = make_plan(options);
  const std::string config = extension_run_config(plan, options);
  // Without a file the config itself, whose comments hold the report, goes to standard output.
  if (options.output.empty()) {
    std::cout << config;
    return kExitDone;
  }
  write_output(options, config);
  for (const std::string& line : extension_report(plan)) std::cout << line << "\n";
  std::cout << "\nwritten: " << options.output << "\n";
  std::cout << "next: "
            << (options.data.empty()
                    ? "name the token shards (ropewalk prepare) as data.train in it, "
                      "then "
                    : "")
            << "ropewalk train " << options.output << "\n";
  return kExitDone;
}

}  // namespace ropewalk::cli

#include "cli/engine/evaluated.h"

#include "cli/engine/device.h"
#include "ropewalk/base/distinct.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"
#include "ropewalk/dist/device.h"
#include "ropewalk/launch/rank_environment.h"
#include "ropewalk/rope/rescale.h"

namespace ropewalk::cli {
namespace {

std::vector<RopeParameters> scalings(const EvaluatedModel& options, const RopeParameters& own) {
  if (options.factors.empty()) return {own};
  std::vector<RopeParameters> ropes;
  for (const std::string& name : options.scaling) {
    const std::optional<RopeKind> kind = parse_rope_kind(name);
    if (!kind) {
      throw ConfigError("--scaling " + name + ": expected one of " + join(rope_kind_names(), ", "));
    }
    // Factor 1 is the same under every kind.
    for (const double factor : options.factors) add_distinct(ropes, rescale(own, *kind, factor));
  }
  return ropes;
}

void warn_about_longest(int64_t longest, const RopeParameters& rope) {
  if (longest <= rope.max_position_embeddings) return;
  log_warn("window " + std::to_string(longest) + " is beyond the " +
           std::to_string(rope.max_position_embeddings) + " positions of " + describe_rope(rope));
}

}  // namespace

Evaluated::Evaluated(const EvaluatedModel& options) : checkpoint_(options.checkpoint) {
  const RankEnvironment ranks = rank_environment_from_env();
  configure_logging(LogLevel::kInfo, ranks.rank, ranks.world_size);
  set_num_threads(options.threads, ranks.local_world_size);
  model_ = load_hf_model(options.checkpoint);
  ropes_ = scalings(options, model_.spec.rope);
  const at::Device device = dist::choose_device(ranks, dist::GroupBackend::kAuto);
  group_ = dist::make_group(ranks, {.device = device});
}

Evaluated::Evaluated(const std::string& checkpoint, std::shared_ptr<dist::Group> group)
    : checkpoint_(checkpoint),
      model_(load_hf_model(checkpoint)),
      ropes_{model_.spec.rope},
      group_(std::move(group)) {}

void Evaluated::for_each_scaling(int64_t longest, const std::function<void(Decoder&)>& evaluate) {
  if (!decoder_) decoder_ = load_decoder(checkpoint_, group_->device()).decoder;
  for (const RopeParameters& rope : ropes_) {
    decoder_->set_rope(rope);
    if (writes()) warn_about_longest(longest, rope);
    evaluate(*decoder_);
  }
}

}  // namespace ropewalk::cli

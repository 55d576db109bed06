#include <cmath>
#include <limits>

#include "rope/kind_fields.h"
#include "rope/rope_place.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/rope/hf_rope.h"

namespace ropewalk {
namespace {

// transformers truncates head_dim * share, so that a share may have to be a little larger than the
// quotient. `rotating`: dimensions that it has to give.
double share_of_head(int64_t rotating, int64_t head_dim) {
  const double head = static_cast<double>(head_dim);
  double share = static_cast<double>(rotating) / head;
  while (static_cast<int64_t>(head * share) < rotating) {
    share = std::nextafter(share, std::numeric_limits<double>::infinity());
  }
  return share;
}

int64_t rotating_dims(const RopeParameters& rope) {
  return rope.turning_pairs ? 2 * *rope.turning_pairs : rope.rotary_dims;
}

// The number that the file had, where it says the same.
Json partial_rotary_factor(const RopeParameters& rope, const Json* before) {
  const int64_t rotating = rotating_dims(rope);
  if (before && before->is_number()) {
    const double dims = before->get<double>() * static_cast<double>(rope.head_dim);
    const bool same = rope.turning_pairs
                          ? std::floor(dims / 2.0) == static_cast<double>(rotating) / 2
                          : static_cast<int64_t>(dims) == rotating;
    if (same) return *before;
  }
  return share_of_head(rotating, rope.head_dim);
}

const Json* find_number(const Json* object, const std::string& key) {
  if (!object || key.empty()) return nullptr;
  const auto at = object->find(key);
  return at != object->end() && at->is_number() ? &*at : nullptr;
}

// The full modern statement, with what the family keeps inside `before`.
Json full_parameters(const RopeParameters& rope,
                     const RopeContext& context,
                     const Json* before,
                     const Json* share_before) {
  Json parameters = Json::object();
  parameters["rope_type"] = rope_kind_name(rope.kind);
  parameters["rope_theta"] = rope.theta;
  const Json* own_share = find_number(before, "partial_rotary_factor");
  const bool partial = rotating_dims(rope) != rope.head_dim;
  const bool said = own_share || share_before || context.default_partial_rotary_factor != 1.0;
  if (!context.rotary_dims && (partial || said)) {
    parameters["partial_rotary_factor"] =
        partial_rotary_factor(rope, own_share ? own_share : share_before);
  }
  parameters.update(write_kind_fields(rope));
  if (context.hears_mscales && rope.kind != RopeKind::kDefault) {
    for (const char* key : {"short_mscale", "long_mscale"}) parameters.emplace(key, 1.0);
    parameters.emplace("original_max_position_embeddings", rope.original_max_position_embeddings);
  }
  for (const std::string& key : context.family_keys) {
    if (before && before->contains(key)) parameters[key] = (*before)[key];
  }
  return parameters;
}

// longrope's factor and original length stand elsewhere for older readers: Phi-3's accepts exactly
// these three fields.
bool ratio_says_it(const RopeParameters& rope) {
  const double ratio = static_cast<double>(rope.max_position_embeddings) /
                       static_cast<double>(rope.original_max_position_embeddings);
  return rope.kind == RopeKind::kLongrope && !rope.attention_factor && !rope.short_mscale &&
         !rope.long_mscale && rope.factor == ratio;
}

// The older statement: the kind's own keys and what the family keeps.
Json old_scaling(const RopeParameters& rope, const Json& parameters) {
  // Older readers know these as `type`, and accept nothing but the kind's keys beside it.
  const bool old_name = rope.kind == RopeKind::kLinear || rope.kind == RopeKind::kLongrope;
  Json scaling = Json::object();
  scaling[old_name ? "type" : "rope_type"] = rope_kind_name(rope.kind);
  scaling.update(parameters);
  if (old_name) scaling.erase("rope_type");
  for (const char* key : {"rope_theta", "partial_rotary_factor"}) scaling.erase(key);
  if (ratio_says_it(rope)) {
    for (const char* key : {"factor", "original_max_position_embeddings"}) scaling.erase(key);
  }
  return scaling;
}

// The object that transformers would hear, as long as the file is not changed.
const Json* object_before(const Json& config, const RopeContext& context) {
  Diagnostics unheard;
  return find_rope_place(config, context, unheard).object;
}

// max_position_embeddings as the file says it.
int64_t window_of_file(const RopeParameters& rope) {
  return scales_beyond_window(rope) ? rope.original_max_position_embeddings
                                    : rope.max_position_embeddings;
}

void write_window(const RopeParameters& rope, const RopeContext& context, Json& config) {
  config[context.window_key] = window_of_file(rope);
  config["pos_scaling_factor"] = rope.factor;
  // Said elsewhere and in the identity; left over they could contradict.
  config.erase("pos_scaling_type");
  if (rope.kind != RopeKind::kLongrope) config.erase("original_max_position_embeddings");
  if (context.window_key != "max_position_embeddings") config.erase("max_position_embeddings");
  if (context.theta_key != "rope_theta") config.erase("rope_theta");
}

void write_top_level(const RopeParameters& rope,
                     const RopeContext& context,
                     const Json& parameters,
                     Json& config) {
  if (!context.theta_key.empty()) config[context.theta_key] = rope.theta;
  if (context.partial_key != "partial_rotary_factor") config.erase("partial_rotary_factor");
  const auto share = parameters.find("partial_rotary_factor");
  if (share != parameters.end() && !context.partial_key.empty()) {
    config[context.partial_key] = *share;
  }
  // Phi-3's place for it; older transformers know no other for longrope.
  if (rope.kind == RopeKind::kLongrope) {
    config["original_max_position_embeddings"] = rope.original_max_position_embeddings;
  }
}

// GPT-J: no other program hears any of it.
void write_own_only(const RopeParameters& rope, const RopeContext& context, Json& config) {
  Json parameters = full_parameters(rope, context, object_before(config, context), nullptr);
  config.erase("rope_scaling");
  config.erase("rope_parameters");
  config["ropewalk"] = rope_identity(rope);
  config["ropewalk"]["rope_parameters"] = std::move(parameters);
}

// transformers 5.23 looks for yarn's `truncate` beside the layer types, later ones may look inside.
void write_truncate_beside(const std::vector<LayerTypeRope>& ropes, Json& parameters) {
  for (const LayerTypeRope& one : ropes) {
    if (one.rope.kind != RopeKind::kYarn || one.rope.truncate.value_or(true)) continue;
    parameters["truncate"] = false;
  }
  if (!parameters.contains("truncate")) return;
  for (const LayerTypeRope& one : ropes) {
    if (one.rope.kind != RopeKind::kYarn || !one.rope.truncate.value_or(true)) continue;
    throw ConfigError("rope_parameters." + one.context.layer_type +
                      ".truncate: is true while another layer type's is false; transformers reads "
                      "one for all of them: make them equal");
  }
}

// A layer type whose kind is dynamic reads the config's window as its L.
void check_windows(const std::vector<LayerTypeRope>& ropes, int64_t window) {
  for (const LayerTypeRope& one : ropes) {
    if (!scales_beyond_window(one.rope) || one.rope.original_max_position_embeddings == window) {
      continue;
    }
    throw ConfigError("rope_parameters." + one.context.layer_type +
                      ": dynamic scaling takes the config's max_position_embeddings (" +
                      std::to_string(window) + ") as its pre-training length, which is " +
                      std::to_string(one.rope.original_max_position_embeddings) +
                      ": this cannot be written");
  }
}

}  // namespace

void write_hf_rope(const RopeParameters& rope, Json& config, const RopeContext& context) {
  write_window(rope, context, config);
  if (!context.scaling_expressible) return write_own_only(rope, context, config);
  const Json* share_before = find_number(&config, context.partial_key);
  const Json parameters =
      full_parameters(rope, context, object_before(config, context), share_before);
  write_top_level(rope, context, parameters, config);
  if (rope.kind == RopeKind::kDefault) {
    config.erase("rope_scaling");
  } else {
    config["rope_scaling"] = old_scaling(rope, parameters);
  }
  config["rope_parameters"] = parameters;
  config["ropewalk"] = rope_identity(rope);
}

void write_hf_rope(const std::vector<LayerTypeRope>& ropes, Json& config) {
  const LayerTypeRope& main = ropes.front();
  Json nested = Json::object();
  Json identity = rope_identity(main.rope);
  for (const LayerTypeRope& one : ropes) {
    const RopeContext& context = one.context;
    nested[context.layer_type] = full_parameters(one.rope,
                                                 context,
                                                 object_before(config, context),
                                                 find_number(&config, context.partial_key));
    if (&one == &main) continue;
    RopeParameters rope = one.rope;
    rope.max_position_embeddings = window_of_file(main.rope);
    identity["layer_types"][context.layer_type] = rope_identity(rope);
  }
  write_truncate_beside(ropes, nested);
  write_window(main.rope, main.context, config);
  check_windows(ropes, window_of_file(main.rope));
  for (const LayerTypeRope& one : ropes) {
    for (const std::string& key : {one.context.theta_key, one.context.partial_key}) {
      if (!key.empty()) config.erase(key);
    }
  }
  config.erase("rope_scaling");
  config["rope_parameters"] = std::move(nested);
  config["ropewalk"] = std::move(identity);
}

}  // namespace ropewalk

#include "ropewalk/rope/hf_rope.h"

namespace ropewalk {
namespace {

template <typename T>
void put(Json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}

// The kind's own fields, without name and theta.
Json own_fields(const RopeParameters& rope) {
  Json fields = Json::object();
  if (rope.kind == RopeKind::kDefault) return fields;
  fields["factor"] = rope.factor;
  if (rope.kind == RopeKind::kLinear) return fields;
  fields["original_max_position_embeddings"] = rope.original_max_position_embeddings;
  put(fields, "attention_factor", rope.attention_factor);
  put(fields, "beta_fast", rope.beta_fast);
  put(fields, "beta_slow", rope.beta_slow);
  put(fields, "mscale", rope.mscale);
  put(fields, "mscale_all_dim", rope.mscale_all_dim);
  put(fields, "truncate", rope.truncate);
  put(fields, "low_freq_factor", rope.low_freq_factor);
  put(fields, "high_freq_factor", rope.high_freq_factor);
  return fields;
}

}  // namespace

void write_hf_rope(const RopeParameters& rope, Json& config) {
  const Json own = own_fields(rope);
  config["max_position_embeddings"] = rope.max_position_embeddings;
  config["rope_theta"] = rope.theta;

  Json parameters = Json::object();
  parameters["rope_type"] = rope_kind_name(rope.kind);
  parameters["rope_theta"] = rope.theta;
  if (rope.rotary_dims != rope.head_dim) {
    parameters["partial_rotary_factor"] =
        static_cast<double>(rope.rotary_dims) / static_cast<double>(rope.head_dim);
  }
  parameters.update(own);

  if (rope.kind == RopeKind::kDefault) {
    config.erase("rope_scaling");
  } else {
    // Older readers know linear as `type` and accept nothing but these two keys.
    Json scaling = Json::object();
    scaling[rope.kind == RopeKind::kLinear ? "type" : "rope_type"] = rope_kind_name(rope.kind);
    scaling.update(own);
    config["rope_scaling"] = std::move(scaling);
  }
  config["rope_parameters"] = std::move(parameters);
  config["pos_scaling_factor"] = rope.factor;
  // Said above and in the identity; left over they could contradict.
  config.erase("pos_scaling_type");
  config.erase("original_max_position_embeddings");
  config["ropewalk"] = rope_identity(rope);
}

}  // namespace ropewalk

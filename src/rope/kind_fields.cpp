#include "rope/kind_fields.h"

#include <algorithm>
#include <array>

#include "rope/rope_keys.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr std::array<const char*, 2> kMscales = {"short_mscale", "long_mscale"};

void read_bands(const JsonValues& fields, RopeParameters& rope) {
  rope.low_freq_factor = fields.number_above_zero("low_freq_factor");
  rope.high_freq_factor = fields.number_above_zero("high_freq_factor");
  for (const char* key : {"low_freq_factor", "high_freq_factor"}) {
    if (!fields.find(key)) fields.fault(key, "is missing; kind llama3 needs it");
  }
  if (rope.low_freq_factor && rope.high_freq_factor &&
      *rope.low_freq_factor >= *rope.high_freq_factor) {
    fields.fault("high_freq_factor",
                 "found " + format_number(*rope.high_freq_factor) +
                     "; expected more than low_freq_factor (" +
                     format_number(*rope.low_freq_factor) + ")");
  }
}

// In nested parameters transformers 5.23 looks for `truncate` beside the layer types, not inside.
std::optional<bool> read_truncate(const JsonValues& fields, const RopePlace& place) {
  const std::optional<bool> own = fields.boolean("truncate");
  if (!place.around) return own;
  const auto at = place.around->find("truncate");
  const bool beside = at != place.around->end() && at->is_boolean();
  const bool heard = beside ? at->get<bool>() : true;
  if (own && *own != heard) {
    fields.remark("truncate",
                  std::string("found ") + (*own ? "true" : "false") + ", but " +
                      (heard ? "true" : "false") + (beside ? " stands" : " (the default) holds") +
                      " beside the layer types, and transformers looks for it there: taken is " +
                      (heard ? "true" : "false"));
  }
  return own || beside ? std::optional<bool>(heard) : std::nullopt;
}

void read_yarn(const JsonValues& fields, const RopePlace& place, RopeParameters& rope) {
  rope.attention_factor = fields.number_above_zero("attention_factor");
  rope.beta_fast = fields.number("beta_fast");
  rope.beta_slow = fields.number("beta_slow");
  rope.mscale = fields.number("mscale");
  rope.mscale_all_dim = fields.number("mscale_all_dim");
  rope.truncate = read_truncate(fields, place);
}

std::vector<double> read_divisors(const JsonValues& fields, const char* key, int64_t pairs) {
  if (!fields.find(key)) {
    fields.fault(key, "is missing; kind longrope needs it");
    return {};
  }
  std::vector<double> divisors = fields.numbers(key);
  if (divisors.empty()) return divisors;  // already a fault
  if (static_cast<int64_t>(divisors.size()) != pairs) {
    fields.fault(key,
                 "has " + std::to_string(divisors.size()) + " numbers; expected " +
                     std::to_string(pairs) + ", one for each pair of rotary dimensions");
  }
  const auto bad =
      std::find_if(divisors.begin(), divisors.end(), [](double x) { return !(x > 0.0); });
  if (bad != divisors.end()) {
    fields.fault(key, "found " + format_number(*bad) + "; expected numbers > 0");
  }
  return divisors;
}

void read_longrope(const JsonValues& fields, const RopeContext& context, RopeParameters& rope) {
  rope.attention_factor = fields.number_above_zero("attention_factor");
  rope.short_factor = read_divisors(fields, "short_factor", rope.rotary_dims / 2);
  rope.long_factor = read_divisors(fields, "long_factor", rope.rotary_dims / 2);
  if (!context.hears_mscales) return;
  for (const char* key : kMscales) {
    if (!fields.find(key)) fields.fault(key, "is missing; longrope of this family needs it");
  }
  rope.short_mscale = fields.number_above_zero("short_mscale");
  rope.long_mscale = fields.number_above_zero("long_mscale");
}

// The family's code asks for them with every kind but default.
void read_plain_mscales(const JsonValues& fields) {
  for (const char* key : kMscales) {
    const double value = fields.number(key).value_or(1.0);
    if (value != 1.0) {
      fields.fault(key,
                   "found " + format_number(value) + "; expected 1 with any kind but longrope");
    }
  }
}

bool is_heard_here(const std::string& key, const RopeContext& context, RopeKind kind) {
  const bool mscale = std::find(kMscales.begin(), kMscales.end(), key) != kMscales.end();
  return (mscale && context.hears_mscales && kind != RopeKind::kDefault) ||
         (key == "alpha" && context.hears_alpha && kind == RopeKind::kDynamic) ||
         std::find(context.family_keys.begin(), context.family_keys.end(), key) !=
             context.family_keys.end();
}

template <typename T>
void put(Json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}

}  // namespace

bool states_original(RopeKind kind) {
  return kind == RopeKind::kYarn || kind == RopeKind::kLlama3 || kind == RopeKind::kLongrope;
}

bool scales_beyond_window(const RopeParameters& rope) {
  return rope.kind == RopeKind::kDynamic && !rope.alpha;
}

void read_kind_fields(const JsonValues& fields,
                      const RopePlace& place,
                      const RopeContext& context,
                      RopeParameters& rope) {
  if (rope.kind == RopeKind::kYarn) read_yarn(fields, place, rope);
  if (rope.kind == RopeKind::kLlama3) read_bands(fields, rope);
  if (rope.kind == RopeKind::kLongrope) {
    read_longrope(fields, context, rope);
  } else if (context.hears_mscales) {
    read_plain_mscales(fields);
  }
  if (rope.kind == RopeKind::kDynamic && context.hears_alpha) {
    rope.alpha = fields.number_above_zero("alpha");
  }
}

void check_kind_fields(const Json& object,
                       const JsonValues& fields,
                       const RopeContext& context,
                       RopeKind kind) {
  const std::vector<std::string> known = known_rope_keys();
  for (const auto& [key, value] : object.items()) {
    if (belongs_to_kind(key, kind) || is_heard_here(key, context, kind) || value.is_null())
      continue;
    if (key == "short_factor" || key == "long_factor") {
      fields.fault(key,
                   "stands beside kind " + std::string(rope_kind_name(kind)) +
                       "; such lists belong to longrope: which of the two is meant?");
    } else if (std::find(known.begin(), known.end(), key) != known.end()) {
      fields.remark(key,
                    "does not belong to kind " + std::string(rope_kind_name(kind)) +
                        "; it is ignored, as transformers does");
    } else {
      const auto nearest = nearest_name(key, known);
      fields.fault(key,
                   "is not a known rope field" +
                       (nearest ? "; did you mean \"" + *nearest + "\"?" : std::string()) +
                       "; a field that is not understood could change what positions mean");
    }
  }
}

Json write_kind_fields(const RopeParameters& rope) {
  Json fields = Json::object();
  if (rope.kind == RopeKind::kDefault) return fields;
  // Not of transformers' schema for proportional, though its formula divides by it.
  if (rope.kind != RopeKind::kProportional || rope.factor != 1.0) fields["factor"] = rope.factor;
  put(fields, "alpha", rope.alpha);
  if (!states_original(rope.kind)) return fields;
  fields["original_max_position_embeddings"] = rope.original_max_position_embeddings;
  put(fields, "attention_factor", rope.attention_factor);
  put(fields, "beta_fast", rope.beta_fast);
  put(fields, "beta_slow", rope.beta_slow);
  put(fields, "mscale", rope.mscale);
  put(fields, "mscale_all_dim", rope.mscale_all_dim);
  put(fields, "truncate", rope.truncate);
  put(fields, "low_freq_factor", rope.low_freq_factor);
  put(fields, "high_freq_factor", rope.high_freq_factor);
  if (rope.kind != RopeKind::kLongrope) return fields;
  fields["short_factor"] = rope.short_factor;
  fields["long_factor"] = rope.long_factor;
  put(fields, "short_mscale", rope.short_mscale);
  put(fields, "long_mscale", rope.long_mscale);
  return fields;
}

}  // namespace ropewalk

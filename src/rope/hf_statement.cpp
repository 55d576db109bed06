#include "rope/hf_statement.h"

#include <algorithm>
#include <cmath>

#include "rope/rope_keys.h"
#include "ropewalk/base/text.h"
#include "ropewalk/rope/json_values.h"

namespace ropewalk {
namespace {

// transformers' `rope_scaling or rope_parameters`: null and {} do not count.
const Json* find_filled(const Json& config, const std::string& key, Diagnostics& diagnostics) {
  const auto at = config.find(key);
  if (at == config.end() || at->is_null()) return nullptr;
  if (!at->is_object()) {
    diagnostics.error(key, "found " + at->dump() + "; expected an object or null");
    return nullptr;
  }
  return at->empty() ? nullptr : &*at;
}

// Parameters nested per layer type: usable here only if every layer type has the same.
const Json* flatten(const Json& object, const std::string& place, Diagnostics& diagnostics) {
  const bool nested = std::any_of(
      object.begin(), object.end(), [](const Json& value) { return value.is_object(); });
  if (!nested) return &object;
  const Json* first = nullptr;
  for (const auto& [name, value] : object.items()) {
    if (value.is_null()) continue;
    if (!value.is_object() || (first && *first != value)) {
      diagnostics.error(place,
                        "differs per layer type (" + name +
                            "); this family has one kind of layer: expected one flat object "
                            "or the same object for every layer type");
      return nullptr;
    }
    first = &value;
  }
  return first;
}

struct Places {
  const Json* object = nullptr;
  std::string place;
  const Json* other = nullptr;  // rope_parameters when rope_scaling won over it
};

Places find_places(const Json& config, Diagnostics& diagnostics) {
  const Json* scaling = find_filled(config, "rope_scaling", diagnostics);
  const Json* parameters = find_filled(config, "rope_parameters", diagnostics);
  if (scaling) scaling = flatten(*scaling, "rope_scaling", diagnostics);
  if (parameters) parameters = flatten(*parameters, "rope_parameters", diagnostics);
  if (scaling) return {scaling, "rope_scaling", parameters};
  return {parameters, "rope_parameters", nullptr};
}

class StatementReader {
 public:
  StatementReader(const Json& config, const RopeContext& context, Diagnostics& diagnostics)
      : context_(context),
        diagnostics_(diagnostics),
        top_(config, "", diagnostics),
        places_(find_places(config, diagnostics)),
        object_(places_.object ? *places_.object : empty_),
        fields_(object_, places_.place, diagnostics) {}

  HfStatement read() {
    HfStatement statement;
    statement.place = places_.object ? places_.place : "";
    RopeParameters& rope = statement.rope;
    rope.head_dim = context_.head_dim;
    rope.layout = context_.layout;
    rope.max_position_embeddings = context_.max_position_embeddings;
    rope.kind = read_kind();
    rope.theta = read_theta(rope.kind);
    rope.rotary_dims = read_rotary_dims();
    statement.original = read_original(rope.kind);
    rope.original_max_position_embeddings =
        statement.original.value_or(context_.max_position_embeddings);
    read_extras(rope);
    rope.factor = read_factor(rope);
    check_keys(rope.kind);
    compare_other(rope);
    return statement;
  }

 private:
  RopeKind read_kind() {
    const auto rope_type = fields_.text("rope_type");
    const auto type = fields_.text("type");
    if (rope_type && type && *rope_type != *type) {
      fields_.fault(
          "type",
          "found \"" + *type + "\" beside rope_type \"" + *rope_type + "\"; keep one of them");
    }
    if (!rope_type && !type) {
      if (object_.contains("factor")) {
        fields_.fault(
            "rope_type",
            "is missing beside a factor; expected one of " + join(rope_kind_names(), ", "));
      }
      return RopeKind::kDefault;
    }
    const std::string name = rope_type ? *rope_type : *type;
    if (name == "su") return unsupported(RopeKind::kLongrope);  // Phi-3's first name for it
    const auto kind = parse_rope_kind(name);
    if (!kind) {
      const auto nearest = nearest_name(name, rope_kind_names());
      fields_.fault(rope_type ? "rope_type" : "type",
                    "found \"" + name + "\"; expected one of " + join(rope_kind_names(), ", ") +
                        (nearest ? "; did you mean \"" + *nearest + "\"?" : ""));
      return RopeKind::kDefault;
    }
    return rope_kind_supported(*kind) ? *kind : unsupported(*kind);
  }

  RopeKind unsupported(RopeKind kind) {
    fields_.fault("rope_type",
                  "scaling kind \"" + std::string(rope_kind_name(kind)) +
                      "\" is not supported; supported are default, linear, yarn and "
                      "llama3");
    return kind;
  }

  double read_theta(RopeKind kind) {
    const auto own = fields_.number_above_zero("rope_theta");
    const auto top = top_.number_above_zero("rope_theta");
    if (own && top && !same_number(*own, *top)) {
      fields_.remark("rope_theta",
                     "found " + format_number(*own) + " here and " + format_number(*top) +
                         " at top level; this one is taken, as transformers does");
    }
    if (own || top) return own ? *own : *top;
    if (places_.other && places_.other->contains("rope_theta")) {
      fields_.fault("rope_theta",
                    "is missing here and at top level, while rope_parameters has " +
                        (*places_.other)["rope_theta"].dump() +
                        "; transformers would fall back to " +
                        format_number(context_.default_theta) +
                        ": write rope_theta at top level, or remove rope_scaling");
    } else if (kind == RopeKind::kLlama3) {
      fields_.remark("rope_theta",
                     "is missing for llama3 scaling; " + format_number(context_.default_theta) +
                         " is taken, as transformers does");
    }
    return context_.default_theta;
  }

  int64_t read_rotary_dims() {
    const auto own = fields_.number("partial_rotary_factor");
    const auto top = top_.number("partial_rotary_factor");
    const double part = own ? *own : top.value_or(1.0);
    const std::string path =
        own ? fields_.path("partial_rotary_factor") : std::string("partial_rotary_factor");
    if (!(part > 0.0 && part <= 1.0)) {
      diagnostics_.error(path, "found " + format_number(part) + "; expected 0 < x <= 1");
      return context_.head_dim;
    }
    if (part != 1.0 && !context_.partial_rotary_allowed) {
      diagnostics_.error(path,
                         "found " + format_number(part) +
                             "; this family turns whole heads: expected 1 or nothing");
      return context_.head_dim;
    }
    const auto dims = static_cast<int64_t>(static_cast<double>(context_.head_dim) * part);
    if (dims % 2 != 0 && context_.head_dim > 0) {
      diagnostics_.error(
          path, "gives " + std::to_string(dims) + " rotary dimensions; expected an even number");
    }
    return dims;
  }

  std::optional<int64_t> read_original(RopeKind kind) {
    const auto top = top_.positive_integer("original_max_position_embeddings");
    const auto own = fields_.positive_integer("original_max_position_embeddings");
    if (top && own && *top != *own) {
      top_.remark("original_max_position_embeddings",
                  "found " + std::to_string(*top) + " here and " + std::to_string(*own) + " in " +
                      places_.place + "; the top level is taken, as transformers does");
    }
    if (top) return top;
    if (own) return own;
    if (kind != RopeKind::kLlama3 && kind != RopeKind::kYarn) return std::nullopt;
    fields_.remark("original_max_position_embeddings",
                   "is missing; max_position_embeddings (" +
                       std::to_string(context_.max_position_embeddings) +
                       ") is taken for it, as transformers does");
    return context_.max_position_embeddings;
  }

  double read_factor(const RopeParameters& rope) {
    if (rope.kind == RopeKind::kDefault) return 1.0;
    const auto factor = fields_.number("factor");
    if (!factor) {
      if (fields_.find("factor")) return 1.0;  // already a fault
      if (rope.kind == RopeKind::kYarn) {
        return std::max(1.0,
                        static_cast<double>(rope.max_position_embeddings) /
                            static_cast<double>(rope.original_max_position_embeddings));
      }
      fields_.fault("factor",
                    "is missing; kind " + std::string(rope_kind_name(rope.kind)) + " needs it");
      return 1.0;
    }
    if (*factor < 1.0) {
      fields_.fault("factor",
                    "found " + format_number(*factor) +
                        "; expected a number >= 1: positions are divided by it (write 4, "
                        "not 0.25)");
      return 1.0;
    }
    return *factor;
  }

  void read_extras(RopeParameters& rope) {
    if (rope.kind == RopeKind::kYarn) {
      rope.attention_factor = fields_.number_above_zero("attention_factor");
      rope.beta_fast = fields_.number("beta_fast");
      rope.beta_slow = fields_.number("beta_slow");
      rope.mscale = fields_.number("mscale");
      rope.mscale_all_dim = fields_.number("mscale_all_dim");
      rope.truncate = fields_.boolean("truncate");
    } else if (rope.kind == RopeKind::kLlama3) {
      rope.low_freq_factor = fields_.number_above_zero("low_freq_factor");
      rope.high_freq_factor = fields_.number_above_zero("high_freq_factor");
      require_bands(rope);
    }
  }

  void require_bands(const RopeParameters& rope) {
    for (const char* key : {"low_freq_factor", "high_freq_factor"}) {
      if (!fields_.find(key)) fields_.fault(key, "is missing; kind llama3 needs it");
    }
    if (rope.low_freq_factor && rope.high_freq_factor &&
        *rope.low_freq_factor >= *rope.high_freq_factor) {
      fields_.fault("high_freq_factor",
                    "found " + format_number(*rope.high_freq_factor) +
                        "; expected more than low_freq_factor (" +
                        format_number(*rope.low_freq_factor) + ")");
    }
  }

  void check_keys(RopeKind kind) {
    for (const auto& [key, value] : object_.items()) {
      if (belongs_to_kind(key, kind) || value.is_null()) continue;
      const std::vector<std::string> known = known_rope_keys();
      if (std::find(known.begin(), known.end(), key) != known.end()) {
        fields_.remark(key,
                       "does not belong to kind " + std::string(rope_kind_name(kind)) +
                           "; it is ignored, as transformers does");
        continue;
      }
      const auto nearest = nearest_name(key, known);
      fields_.fault(key,
                    "is not a known rope field" +
                        (nearest ? "; did you mean \"" + *nearest + "\"?" : std::string()) +
                        "; a field that is not understood could change what positions mean");
    }
  }

  // Both generations of fields in one file: transformers hears rope_scaling only.
  void compare_other(const RopeParameters& rope) {
    if (!places_.other) return;
    const Json& other = *places_.other;
    const std::string type = other.value("rope_type", other.value("type", std::string("default")));
    const bool same_factor = !other.contains("factor") || !other["factor"].is_number() ||
                             same_number(other["factor"].get<double>(), rope.factor);
    if (type == rope_kind_name(rope.kind) && same_factor) return;
    diagnostics_.warning("rope_scaling",
                         "says " + object_.dump() + " and rope_parameters says " + other.dump() +
                             "; rope_scaling is taken, as transformers does");
  }

  const Json empty_ = Json::object();
  const RopeContext& context_;
  Diagnostics& diagnostics_;
  JsonValues top_;
  Places places_;
  const Json& object_;
  JsonValues fields_;
};

}  // namespace

HfStatement read_hf_statement(const Json& config,
                              const RopeContext& context,
                              Diagnostics& diagnostics) {
  return StatementReader(config, context, diagnostics).read();
}

}  // namespace ropewalk

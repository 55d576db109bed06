#include "rope/hf_statement.h"

#include <algorithm>
#include <cmath>

#include "rope/kind_fields.h"
#include "rope/rope_place.h"
#include "ropewalk/base/text.h"
#include "ropewalk/rope/json_values.h"
#include "ropewalk/rope/scaling.h"

namespace ropewalk {
namespace {

std::string name_of(RopeKind kind) { return std::string(rope_kind_name(kind)); }

class StatementReader {
 public:
  StatementReader(const Json& config, const RopeContext& context, Diagnostics& diagnostics)
      : context_(context),
        diagnostics_(diagnostics),
        top_(config, "", diagnostics),
        place_(find_rope_place(config, context, diagnostics)),
        object_(place_.object ? *place_.object : empty_),
        fields_(object_, place_.path, diagnostics) {}

  HfStatement read() {
    HfStatement statement;
    statement.place = place_.path;
    RopeParameters& rope = statement.rope;
    rope.head_dim = context_.head_dim;
    rope.layout = context_.layout;
    rope.max_position_embeddings = context_.max_position_embeddings;
    rope.kind = read_kind();
    rope.theta = read_theta(rope.kind);
    read_rotary_dims(rope);
    read_kind_fields(fields_, place_, context_, rope);
    statement.original = read_original(rope);
    rope.original_max_position_embeddings =
        statement.original.value_or(context_.max_position_embeddings);
    rope.factor = read_factor(rope);
    if (scales_beyond_window(rope)) {
      rope.max_position_embeddings =
          covered_length(rope.factor, rope.original_max_position_embeddings);
    }
    check_kind_fields(object_, fields_, context_, rope.kind);
    compare_factor(rope);
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
    const auto kind = parse_rope_kind(name);
    if (kind) return *kind;
    const auto nearest = nearest_name(name, rope_kind_names());
    fields_.fault(rope_type ? "rope_type" : "type",
                  "found \"" + name + "\"; expected one of " + join(rope_kind_names(), ", ") +
                      (nearest ? "; did you mean \"" + *nearest + "\"?" : ""));
    return RopeKind::kDefault;
  }

  double read_theta(RopeKind kind) {
    const auto own = fields_.number_above_zero("rope_theta");
    const auto top =
        context_.theta_key.empty() ? std::nullopt : top_.number_above_zero(context_.theta_key);
    if (own && top && !same_number(*own, *top)) {
      fields_.remark("rope_theta",
                     "found " + format_number(*own) + " here and " + format_number(*top) + " at " +
                         (context_.theta_key == "rope_theta" ? "" : context_.theta_key + ", ") +
                         "top level; this one is taken, as transformers does");
    }
    const double theta = own ? *own : top.value_or(context_.default_theta);
    report_deaf_key("rope_theta", context_.theta_key, theta);
    if (own || top) return theta;
    if (place_.other && place_.other->contains("rope_theta")) {
      fields_.fault("rope_theta",
                    "is missing here and at top level, while rope_parameters has " +
                        (*place_.other)["rope_theta"].dump() +
                        "; transformers would fall back to " +
                        format_number(context_.default_theta) +
                        ": write rope_theta at top level, or remove rope_scaling");
    } else if (kind == RopeKind::kLlama3) {
      fields_.remark("rope_theta",
                     "is missing for llama3 scaling; " + format_number(context_.default_theta) +
                         " is taken, as transformers does");
    }
    return theta;
  }

  // The usual top-level name in a family that has another one for it.
  void report_deaf_key(const std::string& usual, const std::string& heard, double taken) {
    if (usual == heard || !context_.main) return;
    const auto found = top_.number(usual);
    if (!found || same_number(*found, taken)) return;
    top_.remark(usual,
                "found " + format_number(*found) + ", which this model_type does not hear" +
                    (heard.empty() ? std::string() : " (its name for it is " + heard + ")") +
                    "; taken is " + format_number(taken) + ", as transformers does");
  }

  void read_rotary_dims(RopeParameters& rope) {
    rope.rotary_dims = context_.rotary_dims.value_or(context_.head_dim);
    if (context_.rotary_dims) return;
    const auto own = fields_.number("partial_rotary_factor");
    const auto top =
        context_.partial_key.empty() ? std::nullopt : top_.number(context_.partial_key);
    const double part = own ? *own : top.value_or(context_.default_partial_rotary_factor);
    const std::string path = own || context_.partial_key.empty()
                                 ? fields_.path("partial_rotary_factor")
                                 : context_.partial_key;
    report_deaf_key("partial_rotary_factor", context_.partial_key, part);
    if (!(part > 0.0 && part <= 1.0)) {
      diagnostics_.error(path, "found " + format_number(part) + "; expected 0 < x <= 1");
      return;
    }
    if (rope.kind == RopeKind::kProportional) return read_turning_pairs(part, rope);
    if (part != 1.0 && !context_.partial_rotary_allowed) {
      diagnostics_.error(path,
                         "found " + format_number(part) +
                             "; this family turns whole heads: expected 1 or nothing");
      return;
    }
    rope.rotary_dims = static_cast<int64_t>(static_cast<double>(context_.head_dim) * part);
    if ((rope.rotary_dims % 2 != 0 || rope.rotary_dims < 2) && context_.head_dim > 0) {
      diagnostics_.error(path,
                         "gives " + std::to_string(rope.rotary_dims) +
                             " rotary dimensions; expected an even number, 2 or more");
    }
  }

  void read_turning_pairs(double part, RopeParameters& rope) {
    const auto pairs =
        static_cast<int64_t>(std::floor(part * static_cast<double>(context_.head_dim) / 2.0));
    if (pairs != context_.head_dim / 2) rope.turning_pairs = pairs;
  }

  std::optional<int64_t> read_original(const RopeParameters& rope) {
    const std::string key = "original_max_position_embeddings";
    auto top = top_.positive_integer(key);
    const auto own = fields_.positive_integer(key);
    if (scales_beyond_window(rope)) return read_dynamic_original(own ? own : top);
    const bool required = states_original(rope.kind);
    if (place_.around && required && top) {
      top_.remark(key,
                  "found " + std::to_string(*top) +
                      "; it is not heard for parameters nested per layer type, as in transformers");
      top.reset();
    }
    if (top && own && *top != *own) {
      top_.remark(key,
                  "found " + std::to_string(*top) + " here and " + std::to_string(*own) + " in " +
                      place_.path + "; the top level is taken, as transformers does");
    }
    if (top) return top;
    if (own) return own;
    if (!required) return std::nullopt;
    fields_.remark(key,
                   "is missing; max_position_embeddings (" +
                       std::to_string(context_.max_position_embeddings) +
                       ") is taken for it, as transformers does");
    return context_.max_position_embeddings;
  }

  // With kind dynamic the file's window IS the length of the pre-training.
  int64_t read_dynamic_original(const std::optional<int64_t>& stated) {
    const int64_t window = context_.max_position_embeddings;
    if (stated && *stated != window) {
      diagnostics_.error(context_.window_key,
                         "found " + std::to_string(window) +
                             " beside original_max_position_embeddings " + std::to_string(*stated) +
                             ": with kind dynamic transformers takes the former as the "
                             "pre-training length and scales beyond it only; write " +
                             std::to_string(*stated) + " there if that is the pre-training length");
    }
    return window;
  }

  double read_factor(const RopeParameters& rope) {
    if (rope.kind == RopeKind::kDefault) return 1.0;
    const auto factor = fields_.number("factor");
    if (!factor) {
      if (fields_.find("factor")) return 1.0;  // already a fault
      if (rope.kind == RopeKind::kProportional || rope.alpha) return 1.0;
      if (rope.kind == RopeKind::kYarn || rope.kind == RopeKind::kLongrope) {
        return std::max(1.0, ratio_of_lengths(rope));
      }
      fields_.fault("factor", "is missing; kind " + name_of(rope.kind) + " needs it");
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

  static double ratio_of_lengths(const RopeParameters& rope) {
    return static_cast<double>(rope.max_position_embeddings) /
           static_cast<double>(rope.original_max_position_embeddings);
  }

  // An explicit factor wins over the ratio of lengths; that they differ is worth a word.
  void compare_factor(const RopeParameters& rope) {
    if (rope.kind != RopeKind::kYarn && rope.kind != RopeKind::kLongrope) return;
    const double ratio = ratio_of_lengths(rope);
    if (ratio <= 1.0 || same_number(ratio, rope.factor)) return;
    fields_.remark("factor",
                   "found " + format_number(rope.factor) + ", while " + context_.window_key +
                       " / original_max_position_embeddings is " + format_number(ratio) +
                       "; the factor is taken, as transformers does");
  }

  // Both generations of fields in one file: transformers hears rope_scaling only.
  void compare_other(const RopeParameters& rope) {
    if (!place_.other) return;
    Diagnostics unheard;
    const JsonValues other(*place_.other, "rope_parameters", unheard);
    const std::string type =
        other.text("rope_type").value_or(other.text("type").value_or("default"));
    const double factor = other.number("factor").value_or(rope.factor);
    if (parse_rope_kind(type) == rope.kind && same_number(factor, rope.factor)) return;
    diagnostics_.warning("rope_scaling",
                         "says " + object_.dump() + " and rope_parameters says " +
                             place_.other->dump() +
                             "; rope_scaling is taken, as transformers does");
  }

  const Json empty_ = Json::object();
  const RopeContext& context_;
  Diagnostics& diagnostics_;
  JsonValues top_;
  RopePlace place_;
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

#include <algorithm>
#include <cmath>

#include "rope/hf_statement.h"
#include "rope/kind_fields.h"
#include "ropewalk/base/text.h"
#include "ropewalk/rope/hf_rope.h"
#include "ropewalk/rope/json_values.h"

namespace ropewalk {
namespace {

std::string say(RopeKind kind, double factor) {
  return std::string(rope_kind_name(kind)) + " with factor " + format_number(factor);
}

// Linear scaling does not store L, and published models give the extended length as
// max_position_embeddings: L = L' / s. Rounded up, so that s * L still reaches L'.
int64_t inferred_original(int64_t length, double factor) {
  return static_cast<int64_t>(std::ceil(static_cast<double>(length) / factor - 1e-6));
}

bool agrees(const RopeIdentity& identity, const RopeParameters& rope) {
  return identity.kind == rope.kind && same_number(identity.factor, rope.factor) &&
         same_number(identity.theta, rope.theta) && identity.rotary_dims == rope.rotary_dims &&
         identity.layout == rope.layout;
}

class RopeReader {
 public:
  RopeReader(const Json& config, const RopeContext& context, Diagnostics& diagnostics)
      : context_(context), top_(config, "", diagnostics), diagnostics_(diagnostics) {
    statement_ = read_hf_statement(config, context, diagnostics);
    read_identity();
    if (context.main) read_own_keys();
  }

  RopeReading read() {
    reading_.now = statement_.rope;
    settle_lengths();
    reading_.trained = reading_.now;
    if (reading_.identity) recall_trained();
    if (factor_ && !same_number(*factor_, statement_.rope.factor)) hear_factor();
    normalize(reading_.now);
    normalize(reading_.trained);
    report_edits();
    if (reading_.identity && diagnostics_.ok()) compare_frequencies();
    return std::move(reading_);
  }

 private:
  // The stored identity is the main layer type's; it holds those of the others by name.
  void read_identity() {
    const Json* stored = top_.find("ropewalk");
    if (!stored) return;
    if (!context_.main) {
      const JsonValues main(*stored, "ropewalk", diagnostics_);
      const Json* others = main.find("layer_types");
      if (!others) return;
      stored = JsonValues(*others, "ropewalk.layer_types", diagnostics_).find(context_.layer_type);
      if (!stored) return;
    }
    reading_.identity = parse_rope_identity(*stored, diagnostics_);
  }

  void read_own_keys() {
    factor_ = top_.number("pos_scaling_factor");
    if (factor_ && *factor_ < 1.0) {
      top_.fault("pos_scaling_factor",
                 "found " + format_number(*factor_) +
                     "; expected a number >= 1: positions are divided by it (write 4, not 0.25)");
      factor_.reset();
    }
    type_ = top_.text("pos_scaling_type");
    if (type_ && *type_ != "linear" && *type_ != rope_kind_name(statement_.rope.kind)) {
      top_.fault("pos_scaling_type",
                 "found \"" + *type_ + "\" while the rope fields say " +
                     std::string(rope_kind_name(statement_.rope.kind)) +
                     "; here only linear can be asked for: ask for another kind in the run config, "
                     "or write it in full as rope_parameters");
    }
  }

  void settle_lengths() {
    RopeParameters& now = reading_.now;
    if (scales_beyond_window(now) && reading_.identity) settle_dynamic();
    if (statement_.original) {
      now.original_max_position_embeddings = *statement_.original;
    } else if (reading_.identity) {
      now.original_max_position_embeddings = reading_.identity->original_max_position_embeddings;
    } else if (now.factor > 1.0 && !now.alpha) {
      now.original_max_position_embeddings =
          inferred_original(now.max_position_embeddings, now.factor);
      diagnostics_.warning(
          statement_.place,
          std::string(rope_kind_name(now.kind)) + " by " + format_number(now.factor) +
              ": max_position_embeddings " + std::to_string(now.max_position_embeddings) +
              " is taken as the extended window, so the pre-training context as " +
              std::to_string(now.original_max_position_embeddings) +
              "; a config of the older convention, which kept the pre-training length there, needs "
              "original_max_position_embeddings");
    }
  }

  // With kind dynamic the file's window is L; the identity alone knows how far training went.
  void settle_dynamic() {
    const RopeIdentity& identity = *reading_.identity;
    RopeParameters& now = reading_.now;
    if (identity.original_max_position_embeddings != now.original_max_position_embeddings) {
      diagnostics_.error(
          context_.window_key,
          "found " + std::to_string(now.original_max_position_embeddings) +
              "; with kind dynamic transformers takes it as the pre-training length, which is " +
              std::to_string(identity.original_max_position_embeddings) +
              " by the stored identity: raised, scaling would not begin where the model needs it. "
              "Ask for a longer window in the run config");
    } else if (identity.kind == now.kind && same_number(identity.factor, now.factor)) {
      now.max_position_embeddings = identity.max_position_embeddings;
    }
  }

  // The identity was written with the weights; the fields may have been edited since.
  void recall_trained() {
    const RopeIdentity& identity = *reading_.identity;
    RopeParameters& trained = reading_.trained;
    if (trained.kind != identity.kind) clear_rope_extras(trained);
    trained.kind = identity.kind;
    trained.factor = identity.factor;
    trained.theta = identity.theta;
    trained.max_position_embeddings = identity.max_position_embeddings;
    trained.original_max_position_embeddings = identity.original_max_position_embeddings;
  }

  // pos_scaling_factor says something else than the rope fields.
  void hear_factor() {
    const RopeParameters& fields = statement_.rope;
    const bool foreign = !reading_.identity && fields.kind == RopeKind::kDefault;
    const bool only_factor_edited =
        reading_.identity && agrees(*reading_.identity, fields) &&
        (fields.kind == RopeKind::kDefault || fields.kind == RopeKind::kLinear);
    if (!foreign && !only_factor_edited) return report_conflict();
    reading_.factor_edited = true;
    RopeParameters& now = reading_.now;
    now.kind = RopeKind::kLinear;
    now.factor = *factor_;
    if (only_factor_edited) {
      diagnostics_.warning(
          "pos_scaling_factor",
          "edited by hand: " + format_number(fields.factor) + " -> " + format_number(*factor_) +
              "; the stored identity shows that the other rope fields were not, so "
              "it wins over them");
      return;
    }
    if (!statement_.original) {
      now.original_max_position_embeddings =
          inferred_original(now.max_position_embeddings, now.factor);
    }
    reading_.trained.original_max_position_embeddings = now.original_max_position_embeddings;
    reading_.trained.max_position_embeddings = now.original_max_position_embeddings;
    diagnostics_.warning(
        "pos_scaling_factor",
        "written by hand: " + format_number(*factor_) + ", so max_position_embeddings " +
            std::to_string(now.max_position_embeddings) +
            " is taken as the extended window of a model pre-trained with " +
            std::to_string(now.original_max_position_embeddings) +
            " positions; if that is not so, write original_max_position_embeddings as well");
  }

  void report_conflict() {
    const RopeParameters& fields = statement_.rope;
    const std::string place = statement_.place.empty() ? "the rope fields" : statement_.place;
    std::string text = "found " + format_number(*factor_) + ", while " + place + " says " +
                       say(fields.kind, fields.factor);
    if (reading_.identity) {
      text += " and the stored identity says " +
              say(reading_.identity->kind, reading_.identity->factor);
    }
    if (fields.kind != RopeKind::kDefault && fields.kind != RopeKind::kLinear) {
      text += "; linear scaling on top of a model's own " +
              std::string(rope_kind_name(fields.kind)) + " scaling is refused";
    }
    diagnostics_.error("pos_scaling_factor",
                       text +
                           "; make the two agree (the factor is TOTAL against the pre-training "
                           "context), or edit pos_scaling_factor alone in a checkpoint that "
                           "carries its identity");
  }

  // Linear by 1 is no scaling.
  static void normalize(RopeParameters& rope) {
    if (rope.kind == RopeKind::kLinear && rope.factor == 1.0) rope.kind = RopeKind::kDefault;
  }

  void report_edits() {
    if (!reading_.identity || !reading_.edited()) return;
    const RopeParameters& now = reading_.now;
    const RopeParameters& trained = reading_.trained;
    std::vector<std::string> edits;
    const auto changed =
        [&](const std::string& key, const std::string& before, const std::string& after) {
          if (before != after) edits.push_back(key + " " + before + " -> " + after);
        };
    changed(
        "kind", std::string(rope_kind_name(trained.kind)), std::string(rope_kind_name(now.kind)));
    changed("factor", format_number(trained.factor), format_number(now.factor));
    changed("rope_theta", format_number(trained.theta), format_number(now.theta));
    changed("max_position_embeddings",
            std::to_string(trained.max_position_embeddings),
            std::to_string(now.max_position_embeddings));
    changed("original_max_position_embeddings",
            std::to_string(trained.original_max_position_embeddings),
            std::to_string(now.original_max_position_embeddings));
    diagnostics_.warning(
        "ropewalk",
        "the rope fields were edited since the weights were written: " + join(edits, ", "));
  }

  // Extras are not part of the identity, but the frequencies that they lead to are.
  void compare_frequencies() {
    if (reading_.edited() || hash_rope_table(reading_.now) == reading_.identity->frequency_hash) {
      return;
    }
    diagnostics_.warning("ropewalk",
                         "the rope fields give other frequencies than the stored identity (" +
                             describe_rope(reading_.now) +
                             "): edited since the weights were written, or by another version");
  }

  const RopeContext& context_;
  JsonValues top_;
  Diagnostics& diagnostics_;
  HfStatement statement_;
  std::optional<double> factor_;
  std::optional<std::string> type_;
  RopeReading reading_;
};

}  // namespace

RopeReading read_hf_rope(const Json& config, const RopeContext& context, Diagnostics& diagnostics) {
  return RopeReader(config, context, diagnostics).read();
}

const std::vector<std::string>& hf_rope_keys() {
  static const std::vector<std::string> keys = {"max_position_embeddings",
                                                "original_max_position_embeddings",
                                                "rope_theta",
                                                "rope_scaling",
                                                "rope_parameters",
                                                "partial_rotary_factor",
                                                "pos_scaling_factor",
                                                "pos_scaling_type",
                                                "ropewalk"};
  return keys;
}

}  // namespace ropewalk

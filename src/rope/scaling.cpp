#include "ropewalk/rope/scaling.h"

#include <cmath>

#include "rope/scaling_extras.h"
#include "ropewalk/base/text.h"
#include "ropewalk/rope/json_values.h"

namespace ropewalk {
namespace {

std::string name_of(RopeKind kind) { return std::string(rope_kind_name(kind)); }

// Which theta HunYuan's alpha amounts to.
double stretched_theta(const RopeParameters& rope) {
  const double d = static_cast<double>(rope.rotary_dims);
  return rope.theta * std::pow(*rope.alpha, d / (d - 2.0));
}

// The ways on for a model that brings its own scaling.
std::string sensible_ways(const RopeParameters& trained, int64_t window) {
  const std::string kind = name_of(trained.kind);
  const std::string same_factor = "pos_scaling_type \"" + kind +
                                  "\" and the factor that is there (" +
                                  format_number(trained.factor) + ")";
  const std::string ways = "the sensible ways are: ";
  if (trained.alpha) {
    return ways + "rope_theta " + format_number(stretched_theta(trained)) +
           ", which its alpha amounts to, or more, with pos_scaling_type \"linear\", a total "
           "pos_scaling_factor and allow_linear_over_native = true";
  }
  if (trained.kind == RopeKind::kLongrope) {
    return ways + "short_factor and long_factor made for the new length, with pos_scaling_type \"" +
           kind + "\" and the new total pos_scaling_factor, or a larger rope_theta together with " +
           same_factor;
  }
  const double ratio =
      static_cast<double>(window) / static_cast<double>(trained.max_position_embeddings);
  return ways + "pos_scaling_type \"" + kind + "\" with a larger total pos_scaling_factor" +
         (ratio > 1.0 ? " (" + format_number(trained.factor * ratio) + " for this window)" : "") +
         ", or a larger rope_theta together with " + same_factor;
}

class Resolver {
 public:
  Resolver(const RopeParameters& trained, const ScalingRequest& request, Diagnostics& diagnostics)
      : trained_(trained), request_(request), diagnostics_(diagnostics), out_(trained) {}

  RopeParameters resolve() {
    const size_t errors_before = diagnostics_.errors().size();
    read_lengths();
    read_theta();
    read_kind();
    read_factor();
    read_extras();
    if (diagnostics_.errors().size() == errors_before) check();
    return out_;
  }

 private:
  void error(const std::string& key, const std::string& text) {
    diagnostics_.error(request_.where.empty() ? key : request_.where + "." + key, text);
  }
  void warning(const std::string& key, const std::string& text) {
    diagnostics_.warning(request_.where.empty() ? key : request_.where + "." + key, text);
  }

  void read_lengths() {
    const auto take = [&](const char* key, const std::optional<int64_t>& asked, int64_t& value) {
      if (!asked) return;
      if (*asked < 1) {
        error(key, "found " + std::to_string(*asked) + "; expected a whole number >= 1");
        return;
      }
      value = *asked;
    };
    take("max_position_embeddings", request_.max_position_embeddings, out_.max_position_embeddings);
    take("original_max_position_embeddings",
         request_.original_max_position_embeddings,
         out_.original_max_position_embeddings);
  }

  void read_theta() {
    if (!request_.rope_theta) return;
    const double theta = *request_.rope_theta;
    if (!std::isfinite(theta) || theta <= 0.0) {
      error("rope_theta", "found " + format_number(theta) + "; expected a number > 0");
      return;
    }
    if (!same_number(theta, trained_.theta)) {
      warning("rope_theta",
              "changed from " + format_number(trained_.theta) + " to " + format_number(theta) +
                  ": every position is computed differently from pre-training");
    }
    out_.theta = theta;
  }

  void read_kind() {
    const bool native = !is_interpolation(trained_.kind);
    const bool restated =
        request_.pos_scaling_factor && same_number(*request_.pos_scaling_factor, trained_.factor);
    if (request_.pos_scaling_type) {
      out_.kind = *request_.pos_scaling_type;
    } else if (request_.pos_scaling_factor && !(native && restated)) {
      out_.kind = RopeKind::kLinear;
    }
    const bool linear = out_.kind == RopeKind::kLinear;
    if (request_.allow_linear_over_native && !(native && linear)) {
      warning("allow_linear_over_native",
              "has no effect: the checkpoint's kind is " + name_of(trained_.kind) +
                  ", and asked is " + name_of(out_.kind));
    }
    if (linear && trained_.kind == RopeKind::kProportional) return read_linear_on_proportional();
    if (native && out_.kind != trained_.kind) return replace_native();
    if (out_.kind == RopeKind::kProportional && out_.rotary_dims != out_.head_dim) {
      error("pos_scaling_type",
            "proportional spreads its frequencies over the whole head, and this model turns " +
                std::to_string(out_.rotary_dims) + " of " + std::to_string(out_.head_dim) +
                " dimensions: another model; write linear, which divides positions alike");
    }
  }

  void replace_native() {
    const std::string asked = request_.pos_scaling_type ? "pos_scaling_type" : "pos_scaling_factor";
    const std::string found =
        "asks for " + name_of(out_.kind) + " scaling of a model that was trained with " +
        name_of(trained_.kind) + " scaling (factor " + format_number(trained_.factor) + ")";
    const bool keeps_alpha = !trained_.alpha || request_.rope_theta;
    if (out_.kind == RopeKind::kLinear && request_.allow_linear_over_native && keeps_alpha) {
      warning(asked,
              found + ": by allow_linear_over_native its " + name_of(trained_.kind) +
                  " scaling is replaced by linear with this factor in total; what it learnt with "
                  "it has to be learnt anew");
      return;
    }
    std::string text = found + ": replacing it would undo what the model learnt; " +
                       sensible_ways(trained_, out_.max_position_embeddings);
    if (out_.kind == RopeKind::kLinear && !trained_.alpha) {
      text +=
          "; allow_linear_over_native = true replaces it all the same, by linear with this "
          "factor in total";
    }
    error(asked, text);
  }

  // proportional's own factor divides as linear's does, so that which pairs turn is kept.
  void read_linear_on_proportional() {
    if (trained_.factor != 1.0 && !request_.allow_linear_over_native) return replace_native();
    out_.kind = RopeKind::kProportional;
    warning("pos_scaling_type",
            "linear scaling of a proportional model is written as its own factor: the kind stays "
            "proportional, positions are divided by the factor");
  }

  void read_factor() {
    if (!request_.pos_scaling_factor) {
      if (out_.kind == trained_.kind) return;
      out_.factor = 1.0;
      if (out_.kind == RopeKind::kDefault) return;
      if (trained_.kind == RopeKind::kLinear || out_.kind != RopeKind::kLinear) {
        error("pos_scaling_factor",
              "is missing; pos_scaling_type " + name_of(out_.kind) +
                  " needs the total factor (for this window " + format_number(needed_factor()) +
                  ")");
      }
      return;
    }
    const double factor = *request_.pos_scaling_factor;
    if (!std::isfinite(factor) || factor < 1.0) {
      error("pos_scaling_factor",
            "found " + format_number(factor) +
                "; expected a number >= 1: positions are divided by it (write 4, not 0.25)");
      return;
    }
    out_.factor = factor;
    if (out_.kind == RopeKind::kLinear && factor == 1.0) out_.kind = RopeKind::kDefault;
    if (out_.kind == RopeKind::kDefault && factor != 1.0) {
      error("pos_scaling_type",
            "default means no scaling, but pos_scaling_factor is " + format_number(factor) +
                "; write linear, or factor 1");
    }
  }

  void read_extras() {
    if (out_.kind != trained_.kind) clear_rope_extras(out_);
    apply_extras(request_, out_, diagnostics_);
    const bool kept = out_.attention_factor && !request_.attention_factor;
    if (kept && !same_number(out_.factor, trained_.factor)) {
      warning("attention_factor",
              format_number(*out_.attention_factor) +
                  " is kept from the checkpoint, though the factor changes from " +
                  format_number(trained_.factor) + " to " + format_number(out_.factor));
    }
  }

  double needed_factor() const {
    return factor_for_length(out_.original_max_position_embeddings, out_.max_position_embeddings);
  }

  void check() {
    const bool window_grew =
        out_.max_position_embeddings > trained_.max_position_embeddings ||
        out_.original_max_position_embeddings < trained_.original_max_position_embeddings;
    if (!is_interpolation(out_.kind)) return check_native(window_grew);
    if (request_.pos_scaling_factor && out_.factor < trained_.factor) warn_smaller();
    const bool factor_stated =
        request_.pos_scaling_factor || request_.pos_scaling_type == RopeKind::kDefault;
    // A model that was tuned directly before keeps its window without being asked again.
    if (out_.kind == RopeKind::kDefault && !factor_stated && !window_grew) return;
    const size_t errors_before = diagnostics_.errors().size();
    check_scaling(out_, factor_stated, request_.where, diagnostics_);
    if (diagnostics_.errors().size() == errors_before || !request_.pos_scaling_factor) return;
    hint_at_total();
  }

  // The usual slip: a factor relative to an earlier extension.
  void hint_at_total() {
    const double product = trained_.factor * *request_.pos_scaling_factor;
    if (trained_.factor <= 1.0 || covered_length(product, out_.original_max_position_embeddings) <
                                      out_.max_position_embeddings) {
      return;
    }
    error("pos_scaling_factor",
          "the factor is TOTAL against the pre-training context: this "
          "checkpoint already has " +
              format_number(trained_.factor) + ", so " +
              format_number(*request_.pos_scaling_factor) + " more makes " +
              format_number(product));
  }

  void warn_smaller() {
    warning("pos_scaling_factor",
            "found " + format_number(out_.factor) + ", less than the checkpoint's total factor " +
                format_number(trained_.factor) +
                ": positions are spread wider than in the training so far");
  }

  void check_native(bool window_grew) {
    const bool factor_grew = out_.kind != trained_.kind || out_.factor > trained_.factor;
    if (window_grew && !factor_grew && !request_.pos_scaling_factor) {
      error("max_position_embeddings",
            "raised from " + std::to_string(trained_.max_position_embeddings) + " to " +
                std::to_string(out_.max_position_embeddings) + " on a model with its own " +
                name_of(out_.kind) + " scaling (factor " + format_number(out_.factor) +
                "), and no factor says how: " +
                sensible_ways(trained_, out_.max_position_embeddings));
      return;
    }
    if (trained_.kind == out_.kind && (window_grew || out_.factor != trained_.factor)) {
      check_number_is_enough();
    }
    const bool covers = out_.kind == RopeKind::kYarn || out_.kind == RopeKind::kDynamic ||
                        out_.kind == RopeKind::kProportional;
    if (!covers || !request_.pos_scaling_factor) return;
    if (covered_length(out_.factor, out_.original_max_position_embeddings) <
        out_.max_position_embeddings) {
      warning("pos_scaling_factor",
              "found " + format_number(out_.factor) + " times " +
                  std::to_string(out_.original_max_position_embeddings) +
                  " positions, less than max_position_embeddings " +
                  std::to_string(out_.max_position_embeddings));
    }
  }

  // Kinds whose frequencies do not follow from a larger factor.
  void check_number_is_enough() {
    if (out_.alpha) {
      error("pos_scaling_factor",
            "is not heard by this model's dynamic scaling, a fixed stretch by alpha " +
                format_number(*out_.alpha) + "; " +
                sensible_ways(trained_, out_.max_position_embeddings));
    } else if (out_.kind == RopeKind::kLongrope &&
               !(request_.short_factor && request_.long_factor)) {
      error("long_factor",
            "longrope cannot be extended again by a number alone: its frequencies are lists that "
            "were searched for one length; " +
                sensible_ways(trained_, out_.max_position_embeddings));
    }
  }

  const RopeParameters& trained_;
  const ScalingRequest& request_;
  Diagnostics& diagnostics_;
  RopeParameters out_;
};

}  // namespace

RopeParameters resolve_scaling(const RopeParameters& trained,
                               const ScalingRequest& request,
                               Diagnostics& diagnostics) {
  return Resolver(trained, request, diagnostics).resolve();
}

}  // namespace ropewalk

#include "ropewalk/rope/scaling.h"

#include <cmath>

#include "ropewalk/base/text.h"
#include "ropewalk/rope/json_values.h"

namespace ropewalk {
namespace {

bool is_interpolation(RopeKind kind) {
  return kind == RopeKind::kDefault || kind == RopeKind::kLinear;
}

std::string name_of(RopeKind kind) { return std::string(rope_kind_name(kind)); }

// The ways on for a model that brings its own scaling.
std::string sensible_ways(const RopeParameters& trained, int64_t window) {
  const std::string kind = name_of(trained.kind);
  const double ratio =
      static_cast<double>(window) / static_cast<double>(trained.max_position_embeddings);
  std::string ways = "the sensible ways are: pos_scaling_type \"" + kind +
                     "\" with a larger total pos_scaling_factor";
  if (ratio > 1.0) ways += " (" + format_number(trained.factor * ratio) + " for this window)";
  return ways + ", or a larger rope_theta together with pos_scaling_type \"" + kind +
         "\" and the factor that is there (" + format_number(trained.factor) + ")";
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
    if (!rope_kind_supported(out_.kind)) {
      error("pos_scaling_type",
            "scaling kind \"" + name_of(out_.kind) +
                "\" is not supported; supported are default, linear, yarn and "
                "llama3");
    } else if (native && out_.kind != trained_.kind) {
      error(request_.pos_scaling_type ? "pos_scaling_type" : "pos_scaling_factor",
            "asks for " + name_of(out_.kind) + " scaling of a model that was trained with " +
                name_of(trained_.kind) + " scaling (factor " + format_number(trained_.factor) +
                "): replacing it would undo what the model learnt; " +
                sensible_ways(trained_, out_.max_position_embeddings));
    }
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
    if (out_.kind != trained_.kind) clear_extras();
    const auto take = [&](const char* key, const auto& asked, auto& value, RopeKind owner) {
      if (!asked) return;
      if (out_.kind != owner) {
        error(key,
              "belongs to pos_scaling_type " + name_of(owner) + ", found " + name_of(out_.kind));
        return;
      }
      value = asked;
    };
    take("attention_factor", request_.attention_factor, out_.attention_factor, RopeKind::kYarn);
    take("beta_fast", request_.beta_fast, out_.beta_fast, RopeKind::kYarn);
    take("beta_slow", request_.beta_slow, out_.beta_slow, RopeKind::kYarn);
    take("mscale", request_.mscale, out_.mscale, RopeKind::kYarn);
    take("mscale_all_dim", request_.mscale_all_dim, out_.mscale_all_dim, RopeKind::kYarn);
    take("truncate", request_.truncate, out_.truncate, RopeKind::kYarn);
    take("low_freq_factor", request_.low_freq_factor, out_.low_freq_factor, RopeKind::kLlama3);
    take("high_freq_factor", request_.high_freq_factor, out_.high_freq_factor, RopeKind::kLlama3);
    if (out_.kind != RopeKind::kLlama3) return;
    // The published LLaMA 3.1 values.
    if (!out_.low_freq_factor) out_.low_freq_factor = 1.0;
    if (!out_.high_freq_factor) out_.high_freq_factor = 4.0;
    if (!(*out_.low_freq_factor > 0.0) || !(*out_.high_freq_factor > *out_.low_freq_factor)) {
      error("high_freq_factor",
            "found " + format_number(*out_.high_freq_factor) + " beside low_freq_factor " +
                format_number(*out_.low_freq_factor) +
                "; expected 0 < low_freq_factor < high_freq_factor");
    }
  }

  void clear_extras() {
    out_.attention_factor = out_.beta_fast = out_.beta_slow = out_.mscale = out_.mscale_all_dim =
        std::nullopt;
    out_.truncate = std::nullopt;
    out_.low_freq_factor = out_.high_freq_factor = std::nullopt;
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
    if (out_.kind != RopeKind::kYarn || !request_.pos_scaling_factor) return;
    if (covered_length(out_.factor, out_.original_max_position_embeddings) <
        out_.max_position_embeddings) {
      warning("pos_scaling_factor",
              "found " + format_number(out_.factor) + " times " +
                  std::to_string(out_.original_max_position_embeddings) +
                  " positions, less than max_position_embeddings " +
                  std::to_string(out_.max_position_embeddings));
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

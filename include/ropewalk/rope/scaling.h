// From "what the checkpoint has" and "what the user asks" to the positions to train with, with the
// checks that keep a wrong factor from running unnoticed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/rope/rope_parameters.h"

namespace ropewalk {

// Absent = as the checkpoint has it. Names and meanings are those of the run config's `model`.
struct ScalingRequest {
  std::optional<int64_t> max_position_embeddings;
  std::optional<int64_t> original_max_position_embeddings;
  std::optional<double> pos_scaling_factor;  // TOTAL
  std::optional<RopeKind> pos_scaling_type;
  std::optional<double> rope_theta;
  // Extras of the requested kind, in HF's names.
  std::optional<double> attention_factor, beta_fast, beta_slow, mscale, mscale_all_dim;
  std::optional<bool> truncate;
  std::optional<double> low_freq_factor, high_freq_factor;
  std::optional<std::vector<double>> short_factor, long_factor;  // rotary_dims/2 numbers each
  // A native kind may be replaced by linear with pos_scaling_factor as the total factor.
  bool allow_linear_over_native = false;
  // Prefix of the paths in messages: "model" for a run config.
  std::string where = "model";
};

// Faults are errors in `diagnostics`, remarks (direct tuning, a factor larger than needed, a
// changed theta, what was composed) are warnings. With faults the result must not be used.
RopeParameters resolve_scaling(const RopeParameters& trained,
                               const ScalingRequest& request,
                               Diagnostics& diagnostics);

// Adds the extras that `rope` states to a request that does not say them itself.
void ask_for_extras_of(const RopeParameters& rope, ScalingRequest& request);

// The same checks on parameters as they stand, for a model trained from scratch or edited by hand.
// `factor_stated`: somebody wrote the factor, so that 1 means direct tuning.
void check_scaling(const RopeParameters& rope,
                   bool factor_stated,
                   const std::string& where,
                   Diagnostics& diagnostics);

// The factor that makes `length` positions fit: exactly length / L, or the next double above it.
double factor_for_length(int64_t original_length, int64_t length);

// How many positions a factor makes room for: floor(s * L), forgiving rounding of s.
int64_t covered_length(double factor, int64_t original_length);

}  // namespace ropewalk

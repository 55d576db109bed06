// Keys of section `model` that say how rotary positions are made; they override a checkpoint's own.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

// Values of HF's `rope_type`.
inline constexpr std::string_view kRopeKindChoices =
    "linear|default|dynamic|yarn|longrope|llama3|proportional";

struct ScalingConfig {
  std::optional<int64_t> max_position_embeddings;
  std::optional<double> pos_scaling_factor;
  std::optional<std::string> pos_scaling_type;
  std::optional<int64_t> original_max_position_embeddings;
  std::optional<double> rope_theta;
  std::optional<double> attention_factor;
  std::optional<double> beta_fast;
  std::optional<double> beta_slow;
  std::optional<double> mscale;
  std::optional<double> mscale_all_dim;
  std::optional<bool> truncate;
  std::optional<double> low_freq_factor;
  std::optional<double> high_freq_factor;
  std::optional<std::vector<double>> short_factor;
  std::optional<std::vector<double>> long_factor;
  bool allow_linear_over_native = false;

  static constexpr auto fields() {
    using namespace rules;
    using S = ScalingConfig;
    return std::tuple{
        field("max_position_embeddings",
              &S::max_position_embeddings,
              "The context length that the run trains for and writes into its checkpoints.",
              positive,
              unset_means("the checkpoint's")),
        field("pos_scaling_factor",
              &S::pos_scaling_factor,
              "Position Interpolation: positions are divided by this. It is the total factor "
              "against the context of the pre-training, also when the checkpoint was extended "
              "before: extended length / pre-training length. 1 = no scaling.",
              at_least(1),
              advice("Positions are DIVIDED by the factor, so it is extended length / pre-training "
                     "length: for 2048 -> 32768 write 16, not 0.0625. 1 = no scaling."),
              unset_means("the checkpoint's")),
        field("pos_scaling_type",
              &S::pos_scaling_type,
              "How rotary positions are scaled. `linear` is Position Interpolation.",
              one_of(kRopeKindChoices),
              unset_means("the checkpoint's, or linear with `pos_scaling_factor`")),
        field("original_max_position_embeddings",
              &S::original_max_position_embeddings,
              "The context length of the pre-training, where the checkpoint's config does not tell "
              "it; it wins over what is inferred.",
              positive,
              unset_means("inferred from the checkpoint")),
        field("rope_theta",
              &S::rope_theta,
              "Base frequency of the rotary embedding.",
              positive,
              unset_means("the checkpoint's; 10000 from scratch")),
        field("attention_factor",
              &S::attention_factor,
              "yarn, longrope: factor on the cosine and sine tables.",
              positive,
              unset_means("computed from the factor")),
        field("beta_fast",
              &S::beta_fast,
              "yarn: rotations over the pre-training context above which a frequency is left as it "
              "is.",
              positive,
              unset_means("32")),
        field("beta_slow",
              &S::beta_slow,
              "yarn: rotations below which a frequency is interpolated wholly.",
              positive,
              unset_means("1")),
        field("mscale",
              &S::mscale,
              "yarn: numerator of the attention factor; only with `mscale_all_dim`.",
              non_negative,
              unset_means("not used")),
        field("mscale_all_dim",
              &S::mscale_all_dim,
              "yarn: denominator of the attention factor; only with `mscale`.",
              non_negative,
              unset_means("not used")),
        field("truncate",
              &S::truncate,
              "yarn: round the ends of the ramp to whole dimensions.",
              unset_means("true")),
        field("low_freq_factor",
              &S::low_freq_factor,
              "llama3: wavelengths above context / this are divided by the factor.",
              positive,
              unset_means("the checkpoint's")),
        field("high_freq_factor",
              &S::high_freq_factor,
              "llama3: wavelengths below context / this are left as they are.",
              positive,
              unset_means("the checkpoint's")),
        field("short_factor",
              &S::short_factor,
              "longrope: divisors of the frequencies for sequences up to the pre-training context, "
              "one for each pair of rotary dimensions.",
              unset_means("the checkpoint's")),
        field("long_factor",
              &S::long_factor,
              "longrope: the same for longer sequences.",
              unset_means("the checkpoint's")),
        field(
            "allow_linear_over_native",
            &S::allow_linear_over_native,
            "A checkpoint with scaling of its own (llama3, yarn, longrope, dynamic, proportional) "
            "refuses `linear`. With true, its kind is replaced by linear with "
            "`pos_scaling_factor` as the total factor against the pre-training context; theta "
            "stays. It is never applied on top of the native scaling."),
    };
  }
};

}  // namespace ropewalk

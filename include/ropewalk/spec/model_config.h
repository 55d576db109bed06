// Section `model` of a run config: a pre-trained checkpoint with overrides of its scaling, or an
// architecture from scratch.
#pragma once

#include "ropewalk/config/fields.h"
#include "ropewalk/spec/architecture_config.h"
#include "ropewalk/spec/scaling_config.h"

namespace ropewalk {

struct ModelConfig : ScalingConfig, ArchitectureConfig {
  std::optional<std::string> pretrained;
  std::optional<std::string> tokenizer;

  bool from_scratch() const { return !pretrained.has_value(); }

  static constexpr auto fields() {
    using namespace rules;
    using M = ModelConfig;
    return std::tuple_cat(
        std::tuple{
            field(
                "pretrained",
                &M::pretrained,
                "Folder of the pre-trained checkpoint (Hugging Face layout) whose weights the run "
                "starts from. Give this or an architecture (`model_type`, `hidden_size`, ...).",
                not_empty,
                unset_means("train from scratch"),
                may_change_on_resume,
                path),
            field("tokenizer",
                  &M::tokenizer,
                  "Folder whose tokenizer files go into the checkpoints.",
                  not_empty,
                  unset_means("the pre-trained checkpoint's folder"),
                  may_change_on_resume,
                  path)},
        ScalingConfig::fields(),
        ArchitectureConfig::fields());
  }
  // Exactly one of `pretrained` and a whole architecture; extras only with a kind that has them.
  void check(Diagnostics& d) const;  // src/settings/model_check.cpp
};

}  // namespace ropewalk

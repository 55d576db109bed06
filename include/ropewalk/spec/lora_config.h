// Section `lora` of a run config: low-rank updates of frozen linear layers instead of training the
// weights themselves. Names are those of pip `peft`.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

struct LoraConfig {
  int64_t rank = 0;
  double alpha = 16.0;
  bool use_rslora = false;
  std::vector<std::string> targets;
  bool train_norms = true;
  bool train_embeddings = true;
  double learning_rate_ratio = 1.0;
  std::optional<std::string> pretrained;

  bool on() const { return rank > 0; }

  static constexpr auto fields() {
    using namespace rules;
    using L = LoraConfig;
    return std::tuple{
        field("rank",
              &L::rank,
              "Rank r of the update B A that each target gets beside its frozen weight (LoRA, "
              "arXiv 2106.09685); 0 = off: the weights themselves are trained.",
              non_negative,
              at_most(1 << 20)),
        field("alpha", &L::alpha, "The update is multiplied by alpha / rank.", positive),
        field("use_rslora",
              &L::use_rslora,
              "Multiply the update by alpha / sqrt(rank) instead (arXiv 2312.03732)."),
        field("targets",
              &L::targets,
              "Linear layers that get an update, by their names in the model's files: `q_proj`, or "
              "`mlp.up_proj` where one word is not enough. None named: every projection of "
              "attention.",
              not_empty),
        field("train_norms",
              &L::train_norms,
              "Train all norms in full beside the updates. Section 3.3 of LongLoRA (arXiv "
              "2309.12307) found norms and embeddings necessary for longer contexts."),
        field("train_embeddings",
              &L::train_embeddings,
              "Train the input embeddings in full beside the updates; see `train_norms`. Tied "
              "output embeddings are the same weight."),
        field("learning_rate_ratio",
              &L::learning_rate_ratio,
              "Learning rate of B over that of A, which is `optimizer.learning_rate` (LoRA+, arXiv "
              "2402.12354).",
              positive),
        field("pretrained",
              &L::pretrained,
              "Folder of a PEFT adapter (adapter_config.json) that the updates start from; its "
              "rank, alpha and targets must be those given here.",
              not_empty,
              unset_means("A random and B zero"),
              may_change_on_resume,
              path),
    };
  }
  void check(Diagnostics& d) const {
    if (on() || !pretrained) return;
    d.error("pretrained",
            "names an adapter, but lora.rank is 0: set rank to the adapter's `r`, or leave "
            "pretrained out");
  }
};

}  // namespace ropewalk

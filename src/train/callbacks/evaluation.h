// Perplexity on the validation shards, at every window and factor that the config names.
#pragma once

#include <memory>

#include "ropewalk/data/token_dataset.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/eval/eval_config.h"
#include "ropewalk/eval/perplexity.h"
#include "ropewalk/train/callback.h"
#include "train/callbacks/metrics.h"

namespace ropewalk {

class EvaluationCallback final : public Callback {
 public:
  // `sink`: null on ranks that do not write. References must outlive the callback.
  EvaluationCallback(Decoder& decoder,
                     std::shared_ptr<const TokenDataset> documents,
                     const EvalConfig& config,
                     dist::Group& group,
                     MetricsSink* sink);
  void after_step(const StepBorder& border) override;
  void evaluate(int64_t step);

 private:
  PerplexityResult measure(int64_t window);

  Decoder& decoder_;
  std::shared_ptr<const TokenDataset> documents_;
  EvalConfig config_;
  dist::Group& group_;
  MetricsSink* sink_;
};

}  // namespace ropewalk

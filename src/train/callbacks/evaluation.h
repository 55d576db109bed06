// Perplexity on the validation shards, at every window and factor that the config names.
#pragma once

#include <memory>

#include "ropewalk/data/token_dataset.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/eval/eval_config.h"
#include "ropewalk/eval/perplexity.h"
#include "ropewalk/parallel/data_parallel.h"
#include "ropewalk/train/callback.h"
#include "train/callbacks/metrics.h"

namespace ropewalk {

// What must outlive the callback.
struct EvaluationParts {
  Decoder& decoder;
  parallel::DataParallel& data_parallel;
  dist::Group& group;
  MetricsSink* sink;  // null on ranks that do not write
};

class EvaluationCallback final : public Callback {
 public:
  EvaluationCallback(const EvaluationParts& parts,
                     std::shared_ptr<const TokenDataset> documents,
                     const EvalConfig& config);
  void after_step(const StepBorder& border) override;
  void evaluate(int64_t step);

 private:
  PerplexityResult measure(int64_t window);

  EvaluationParts parts_;
  std::shared_ptr<const TokenDataset> documents_;
  EvalConfig config_;
};

}  // namespace ropewalk

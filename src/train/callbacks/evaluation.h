// What a run measures while training: perplexity on the validation shards and the tasks of section
// `eval`, all under the positions that it trains with.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "ropewalk/data/token_dataset.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/eval/eval_config.h"
#include "ropewalk/eval/perplexity.h"
#include "ropewalk/parallel/data_parallel.h"
#include "ropewalk/settings/evaluation_tasks.h"
#include "ropewalk/train/callback.h"
#include "train/callbacks/evaluation_results.h"
#include "train/callbacks/metrics.h"

namespace ropewalk {

// What must outlive the callback.
struct EvaluationParts {
  Decoder& decoder;
  parallel::DataParallel& data_parallel;
  dist::Group& group;
  MetricsSink* sink;             // null on ranks that do not write
  std::filesystem::path folder;  // for files of results
};

struct EvaluationTargets {
  std::shared_ptr<const TokenDataset> documents;  // null: no perplexity
  EvaluationTasks tasks;
  std::optional<RopeParameters> trained_rope;  // of the pre-trained weights; none: from scratch
};

// Whether rank 0's metrics.jsonl has no evaluation at `step`; the same on every rank. Collective.
bool lacks_evaluation(int64_t step, const std::filesystem::path& metrics_file, dist::Group& group);

class EvaluationCallback final : public Callback {
 public:
  // `config.windows` is not empty.
  EvaluationCallback(const EvaluationParts& parts,
                     EvaluationTargets targets,
                     const EvalConfig& config);
  // With the check of start_check.h.
  void before_first_step() override;
  void after_step(const StepBorder& border) override;
  // Also makes up for one that a run was ended in.
  void evaluate(int64_t step);

 private:
  void measure_tasks(EvaluationResults& results);
  PerplexityResult perplexity_at(int64_t window);
  void check_start(const EvaluationResults& results);

  EvaluationParts parts_;
  EvaluationTargets targets_;
  EvalConfig config_;
  // The prompts, the same at each evaluation.
  std::vector<std::vector<RetrievalCell>> passkey_;  // by window
  std::vector<RetrievalCell> needle_, recall_;
};

}  // namespace ropewalk

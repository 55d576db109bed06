#include "train/callbacks/evaluation.h"

#include <algorithm>

#include "ropewalk/base/log.h"
#include "ropewalk/base/progress.h"
#include "ropewalk/rope/rescale.h"
#include "ropewalk/settings/evaluation_tags.h"
#include "train/callbacks/start_check.h"

namespace ropewalk {
namespace {

// Evaluation as the commands do it: in fp32 (of weights that are gathered in bf16: with those,
// which are what the checkpoint's model holds), under any scaling. Restores what training uses.
class EvaluationMode {
 public:
  explicit EvaluationMode(const EvaluationParts& parts)
      : decoder_(parts.decoder),
        data_parallel_(parts.data_parallel),
        rope_(decoder_.spec().rope),
        dtype_(decoder_.options().compute_dtype) {
    data_parallel_.begin_evaluation();
    decoder_.set_compute_dtype(at::kFloat);
  }
  ~EvaluationMode() {
    data_parallel_.end_evaluation();
    decoder_.set_compute_dtype(dtype_);
    use_own_rope();
  }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

  const RopeParameters& own_rope() const { return rope_; }
  void use_own_rope() {
    // Makes the tables anew.
    if (!(decoder_.spec().rope == rope_)) decoder_.set_rope(rope_);
  }

 private:
  Decoder& decoder_;
  parallel::DataParallel& data_parallel_;
  RopeParameters rope_;
  at::ScalarType dtype_;
};

RopeParameters with_other_layout(RopeParameters rope) {
  rope.layout = rope.layout == RopeLayout::kHalf ? RopeLayout::kInterleaved : RopeLayout::kHalf;
  return rope;
}

}  // namespace

bool lacks_evaluation(int64_t step, const std::filesystem::path& metrics_file, dist::Group& group) {
  const bool lacks = group.rank() == 0 && !find_evaluation(metrics_file, step);
  return group.broadcast_text(lacks ? "lacks" : "") == "lacks";
}

EvaluationCallback::EvaluationCallback(const EvaluationParts& parts,
                                       EvaluationTargets targets,
                                       const EvalConfig& config)
    : parts_(parts), targets_(std::move(targets)), config_(config) {
  const EvaluationTasks& tasks = targets_.tasks;
  if (!tasks.tokenizer) return;
  for (const PasskeyOptions& options : tasks.passkey) {
    passkey_.push_back(passkey_cells(*tasks.tokenizer, options));
  }
  needle_ = needle_cells(*tasks.tokenizer, tasks.needle);
  recall_ = recall_cells(*tasks.tokenizer, tasks.recall);
}

void EvaluationCallback::before_first_step() {
  if (!config_.at_start) return;
  evaluate(0);
}

void EvaluationCallback::after_step(const StepBorder& border) {
  // A run that is stopped here makes up for it when it goes on; at its end it does not go on.
  if (border.stopping && !border.last) return;
  if (is_due(border, config_.every_steps)) evaluate(border.report.step);
}

void EvaluationCallback::evaluate(int64_t step) {
  const PhaseScope phase(Phase::kEvaluating);
  EvaluationMode mode(parts_);
  EvaluationResults results{.step = step, .own_scaling = config_.factors.empty()};
  if (targets_.documents) {
    for (const int64_t window : config_.windows) {
      if (results.own_scaling) results.perplexities.push_back(perplexity_at(window));
      for (const double factor : config_.factors) {
        parts_.decoder.set_rope(
            rescale(mode.own_rope(), *parse_rope_kind(config_.scaling), factor));
        results.perplexities.push_back(perplexity_at(window));
      }
    }
  }
  mode.use_own_rope();
  measure_tasks(results);
  if (step == 0) check_start(results);
  if (parts_.sink == nullptr) return;
  parts_.sink->write(metrics_line(results));
  parts_.sink->console().line(console_line(results));
  write_result_files(results, parts_.folder);
}

void EvaluationCallback::measure_tasks(EvaluationResults& results) {
  const EvaluationTasks& tasks = targets_.tasks;
  const RopeParameters& rope = parts_.decoder.spec().rope;
  const std::string kind(rope_kind_name(rope.kind));
  const auto found = [&](const std::vector<RetrievalCell>& cells) {
    return ScaledRetrieval{
        .kind = kind,
        .factor = rope.factor,
        .outcome = retrieve(parts_.decoder, *tasks.tokenizer, cells, parts_.group)};
  };
  for (size_t i = 0; i < passkey_.size(); ++i) {
    results.passkey.emplace_back(tasks.passkey[i].window, found(passkey_[i]));
  }
  if (!needle_.empty()) results.needle.push_back(found(needle_));
  if (!recall_.empty()) results.recall.push_back(found(recall_));
  for (const QuestionFile& file : tasks.choices) {
    results.choices.push_back(
        {.name = {},
         .kind = kind,
         .factor = rope.factor,
         .task = file.name,
         .result =
             multiple_choice(parts_.decoder, *tasks.tokenizer, file.questions, parts_.group)});
  }
}

// Uses the positions of pre-training, and leaves others than the run's in force.
void EvaluationCallback::check_start(const EvaluationResults& results) {
  if (!targets_.trained_rope || !targets_.documents) return;
  const RopeParameters& trained = *targets_.trained_rope;
  StartNumbers numbers{.started = results.perplexities,
                       .trained_length = trained.max_position_embeddings,
                       .vocab_size = parts_.decoder.spec().vocab_size};
  if (!results.own_scaling) {
    numbers.started.clear();
    for (const int64_t window : config_.windows) numbers.started.push_back(perplexity_at(window));
  }
  const int64_t shortest = *std::min_element(config_.windows.begin(), config_.windows.end());
  const int64_t within = std::min(shortest, trained.max_position_embeddings);
  parts_.decoder.set_rope(trained);
  numbers.trained = perplexity_at(within);
  // Layers with positions of their own keep their layout.
  if (!parts_.decoder.spec().local_rope) {
    parts_.decoder.set_rope(with_other_layout(trained));
    numbers.other_layout = perplexity_at(within).perplexity;
  }
  if (parts_.sink == nullptr) return;
  for (const std::string& doubt : doubts_about_start(numbers)) log_warn(doubt);
}

PerplexityResult EvaluationCallback::perplexity_at(int64_t window) {
  return perplexity(parts_.decoder,
                    *targets_.documents,
                    {.window = window,
                     .stride = std::min(window, config_.stride.value_or(0)),
                     .max_documents = config_.max_documents},
                    parts_.group);
}

}  // namespace ropewalk

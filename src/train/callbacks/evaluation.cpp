#include "train/callbacks/evaluation.h"

#include <cstdio>

#include "ropewalk/base/progress.h"
#include "ropewalk/base/text.h"
#include "ropewalk/eval/rescale.h"

namespace ropewalk {
namespace {

// The tag of a result: "eval/perplexity@512", with the factor where it is not the model's own.
std::string tag(const PerplexityResult& result, bool own_scaling) {
  std::string text = "eval/perplexity@" + std::to_string(result.window);
  if (!own_scaling) text += "/factor_" + format_number(result.factor);
  return text;
}

// Evaluation as `eval perplexity` does it: in fp32 (of weights that are gathered in bf16: with
// those, which are what the checkpoint's model holds), under any scaling. Restores what training
// uses.
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
    // Makes the tables anew.
    if (!(decoder_.spec().rope == rope_)) decoder_.set_rope(rope_);
  }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;
  const RopeParameters& own_rope() const { return rope_; }

 private:
  Decoder& decoder_;
  parallel::DataParallel& data_parallel_;
  RopeParameters rope_;
  at::ScalarType dtype_;
};

}  // namespace

EvaluationCallback::EvaluationCallback(const EvaluationParts& parts,
                                       std::shared_ptr<const TokenDataset> documents,
                                       const EvalConfig& config)
    : parts_(parts), documents_(std::move(documents)), config_(config) {}

void EvaluationCallback::after_step(const StepBorder& border) {
  const bool wanted = config_.every_steps > 0 && !border.stopping;
  if (wanted && is_due(border, config_.every_steps)) evaluate(border.report.step);
}

void EvaluationCallback::evaluate(int64_t step) {
  const PhaseScope phase(Phase::kEvaluating);
  Json line = {{"step", step}};
  std::string text = "eval at step " + std::to_string(step) + ":";
  const auto add = [&](const PerplexityResult& result, bool own_scaling) {
    line[tag(result, own_scaling)] = result.perplexity;
    char value[32];
    std::snprintf(value, sizeof value, " %.3f", result.perplexity);
    text += "  " + tag(result, own_scaling).substr(5) + value;
  };
  const EvaluationMode mode(parts_);
  for (const int64_t window : config_.windows) {
    if (config_.factors.empty()) add(measure(window), /*own_scaling=*/true);
    for (const double factor : config_.factors) {
      parts_.decoder.set_rope(rescale(mode.own_rope(), RopeKind::kLinear, factor));
      add(measure(window), /*own_scaling=*/false);
    }
  }
  if (parts_.sink == nullptr) return;
  parts_.sink->write(line);
  parts_.sink->console().line(text);
}

PerplexityResult EvaluationCallback::measure(int64_t window) {
  const PerplexityOptions options{.window = window,
                                  .stride = config_.stride.value_or(default_stride(window)),
                                  .max_documents = config_.max_documents};
  return perplexity(parts_.decoder, *documents_, options, parts_.group);
}

}  // namespace ropewalk

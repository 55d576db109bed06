#include "settings/evaluation_check.h"

#include <algorithm>

#include "ropewalk/base/collect_faults.h"
#include "ropewalk/base/text.h"
#include "ropewalk/data/window_reach.h"
#include "ropewalk/rope/rescale.h"
#include "ropewalk/settings/evaluation_tags.h"

namespace ropewalk {
namespace {

void check_windows(const TrainInputs& inputs, Diagnostics& faults) {
  for (const std::string& fault : windows_beyond_documents(
           inputs.eval.windows, *inputs.validation, inputs.eval.max_documents)) {
    // The training length is a window that nobody asked for.
    if (inputs.config.eval.windows.empty()) {
      faults.warning("data.validation",
                     "perplexity at data.sequence_length, as eval.windows names none: " + fault);
    } else {
      faults.error("eval.windows", fault);
    }
  }
}

void check_factors(const TrainInputs& inputs, Diagnostics& faults) {
  const std::optional<RopeKind> kind = parse_rope_kind(inputs.eval.scaling);
  for (const double factor : inputs.eval.factors) {
    collect_faults(faults, "eval.factors", [&] { rescale(inputs.model.spec.rope, *kind, factor); });
  }
}

std::string why_nothing_is_measured(const TrainInputs& inputs) {
  if (inputs.eval.every_steps == 0) return "eval.every_steps is 0";
  return "data.validation names no shards and section `eval` no task";
}

void check_gates(const TrainInputs& inputs, const std::vector<Gate>& gates, Diagnostics& faults) {
  std::vector<std::string> measured;
  if (inputs.eval.every_steps > 0) {
    for (const std::string& tag :
         evaluation_tags(inputs.eval, inputs.validation != nullptr, inputs.evaluation_tasks)) {
      measured.push_back(kEvaluationPrefix + tag);
    }
  }
  for (const Gate& gate : gates) {
    if (std::find(measured.begin(), measured.end(), gate.metric) != measured.end()) continue;
    faults.error("gate." + gate.metric,
                 measured.empty()
                     ? "nothing is measured in this stage: " + why_nothing_is_measured(inputs)
                     : "is not measured in this stage; expected one of " + join(measured, ", ") +
                           ". Let section `eval` measure it, or change the gate");
  }
}

}  // namespace

EvalConfig evaluation_in_force(const RunConfig& config, const DecoderSpec& spec) {
  EvalConfig eval = config.eval;
  if (eval.windows.empty()) eval.windows.push_back(sequence_length(config.data, spec));
  return eval;
}

void check_evaluation(const TrainInputs& inputs,
                      const std::vector<Gate>& gates,
                      Diagnostics& faults) {
  if (inputs.eval.every_steps > 0 && inputs.validation) {
    check_windows(inputs, faults);
    check_factors(inputs, faults);
  }
  check_gates(inputs, gates, faults);
}

}  // namespace ropewalk

#include "ropewalk/train/step_judge.h"

#include <algorithm>
#include <cmath>

#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr size_t kMostLosses = 64;
constexpr size_t kFewestLosses = 16;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::string StepJudge::fault_of(double loss, double grad_norm) const {
  if (!std::isfinite(loss)) return "the loss is " + format_number(loss);
  if (!std::isfinite(grad_norm)) return "the gradient norm is " + format_number(grad_norm);
  if (config_.loss_spike_factor <= 0 || history_.losses.size() < kFewestLosses) return {};
  const double usual = median(history_.losses);
  if (loss <= config_.loss_spike_factor * usual) return {};
  return "the loss is " + format_number(loss) + ", more than " +
         format_number(config_.loss_spike_factor) + " times the " + format_number(usual) +
         " of the steps before";
}

bool StepJudge::note(int64_t step, double loss, bool is_good) {
  if (!is_good) {
    history_.last_bad_step = std::max(history_.last_bad_step, step);
    ++history_.bad_in_a_row;
    return config_.action != BadStepAction::kStop && history_.bad_in_a_row < config_.max_in_a_row;
  }
  if (step > history_.last_bad_step) history_.bad_in_a_row = 0;
  if (config_.loss_spike_factor > 0) {
    history_.losses.push_back(loss);
    if (history_.losses.size() > kMostLosses) history_.losses.erase(history_.losses.begin());
  }
  return true;
}

}  // namespace ropewalk

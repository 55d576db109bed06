#include "train/bad_steps.h"

#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/json.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

// Doubles as text between ranks, whatever they are: JSON has no NaN.
std::string bits_of(const std::vector<double>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double)};
}

std::vector<double> numbers_of(const std::string& bits) {
  std::vector<double> numbers(bits.size() / sizeof(double));
  std::memcpy(numbers.data(), bits.data(), bits.size());
  return numbers;
}

Json number_or_word(double value) {
  return std::isfinite(value) ? Json(value) : Json(format_number(value));
}

Json samples_of(const BatchLayout& layout, uint64_t begin, const SampleSource& samples) {
  Json list = Json::array();
  for (int64_t row = 0; row < layout.micro_batch_size; ++row) {
    const auto place = samples.place(layout.first_row(begin) + static_cast<uint64_t>(row));
    list.push_back({{"source", samples.name(place.source)}, {"sequence", place.sequence}});
  }
  return list;
}

// `losses`: every rank's, of its micro-batches. Ranks that share sequences have parts of the same.
Json list_micro_batches(const std::vector<std::string>& losses,
                        uint64_t first_sample,
                        const BadSteps::Place& place) {
  Json list = Json::array();
  const int sharing = static_cast<int>(losses.size()) / place.layout.world_size;
  for (size_t rank = 0; rank < losses.size(); ++rank) {
    BatchLayout layout = place.layout;
    layout.rank = static_cast<int>(rank) / sharing;
    uint64_t begin = first_sample;
    for (const double loss : numbers_of(losses[rank])) {
      list.push_back({{"rank", rank},
                      {"loss", number_or_word(loss)},
                      {"samples", samples_of(layout, begin, place.samples)}});
      begin += static_cast<uint64_t>(layout.samples_per_micro_step());
    }
  }
  return list;
}

}  // namespace

BadSteps::BadSteps(const BadStepsConfig& config, StepHistory& history, Place place)
    : action_(config.action), judge_(config, history), place_(std::move(place)) {}

bool BadSteps::after_step(int64_t step, uint64_t first_sample, const TrainStepResult& result) {
  const bool is_good = result.fault.empty();
  const bool may_go_on = judge_.note(step, result.loss, is_good);
  if (is_good) return false;
  const BadStepAction action = may_go_on ? action_ : BadStepAction::kStop;
  const auto losses = place_.group.all_gather_text(bits_of(result.micro_losses));
  std::string text =
      "step " + std::to_string(step) + " is bad and its update was not made: " + result.fault;
  if (!place_.file.empty()) {
    const Json line = {{"step", step},
                       {"fault", result.fault},
                       {"action", enum_name(action)},
                       {"loss", number_or_word(result.loss)},
                       {"grad_norm", number_or_word(result.grad_norm)},
                       {"learning_rate", result.learning_rate},
                       {"first_sample", first_sample},
                       {"micro_batches", list_micro_batches(losses, first_sample, place_)}};
    try {
      append_to_file(place_.file, line.dump() + "\n");
      text += "; its samples are listed in " + place_.file.string();
    } catch (const IoError& error) {
      text += std::string("; its samples are not listed: ") + error.what();
    }
  }
  if (action == BadStepAction::kStop) {
    throw Error(text +
                    ". A lower optimizer.learning_rate, a longer schedule.warmup_steps or data "
                    "without damage may help, or train.bad_steps.action; --resume goes on from the "
                    "last checkpoint",
                kExitFailure);
  }
  if (!place_.file.empty()) log_warn(text);
  return action == BadStepAction::kRollBack;
}

}  // namespace ropewalk

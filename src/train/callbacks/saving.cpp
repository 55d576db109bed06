#include "train/callbacks/saving.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/progress.h"

namespace ropewalk {
namespace {

// Failures of a save are the same on every rank, but for those of the ranks' connections.
void go_on_after_failure(const std::function<void()>& save) {
  try {
    save();
  } catch (const DistError&) {
    throw;
  } catch (const Error& error) {
    log_error(std::string(error.what()) + "\nthe run goes on without this checkpoint");
  }
}

}  // namespace

void SavingCallback::after_step(const StepBorder& border) {
  const bool is_end = border.last || border.stopping;
  const bool is_wanted = is_end || border.save_requested || is_due(border, config_.every_steps);
  const bool goes_on = config_.on_failure == SaveFailure::kGoOn;

  const PhaseScope phase(Phase::kSaving);
  if (is_wanted || border.save_failed) {
    const auto finish = [this] { checkpointer_.finish(); };
    // At the end, what failed before is made up for by the save that follows.
    goes_on || is_end ? go_on_after_failure(finish) : finish();
  }
  if (!is_wanted) return;
  const auto save = [this, &border, is_end] {
    if (config_.async_save && !is_end) {
      checkpointer_.begin_save(border.report.step);
    } else {
      checkpointer_.save(border.report.step);
    }
  };
  goes_on && !is_end ? go_on_after_failure(save) : save();
}

}  // namespace ropewalk

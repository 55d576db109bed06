#include "train/callbacks/saving.h"

#include "ropewalk/base/log.h"

namespace ropewalk {

void SavingCallback::after_step(const StepBorder& border) {
  const bool asked = border.save_requested || border.stopping;
  if (!asked && !is_due(border, every_steps_)) return;
  const std::filesystem::path saved = checkpointer_.save(border.report.step);
  log_info("saved " + saved.string());
}

}  // namespace ropewalk

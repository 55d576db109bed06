#include "checkpoint/background_task.h"

#include <ATen/Parallel.h>
#include <omp.h>

#include <utility>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/progress.h"
#include "ropewalk/base/signals.h"

namespace ropewalk {
namespace {

// Of this thread only: at::set_num_threads would change the process's.
void use_one_thread() {
  at::get_num_threads();  // what it sets on a thread's first use is overwritten
  omp_set_num_threads(1);
}

}  // namespace

BackgroundTask::~BackgroundTask() {
  if (thread_.joinable()) thread_.join();
}

void BackgroundTask::start(std::function<void()> work) {
  ROPEWALK_CHECK(!thread_.joinable(), "work in the background while other work goes on there");
  thread_ = std::thread([this, work = std::move(work)] {
    block_stop_signals_in_this_thread();
    leave_out_waits_of_this_thread();
    use_one_thread();
    try {
      work();
    } catch (...) {
      failure_ = std::current_exception();
      has_failed_ = true;
    }
  });
}

void BackgroundTask::wait() {
  if (!thread_.joinable()) return;
  thread_.join();
  has_failed_ = false;
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace ropewalk

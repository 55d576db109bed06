// Work that another thread does beside training, one piece at a time.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <thread>

namespace ropewalk {

class BackgroundTask {
 public:
  BackgroundTask() = default;
  // Waits for the work; what it threw is dropped.
  ~BackgroundTask();
  BackgroundTask(const BackgroundTask&) = delete;
  BackgroundTask& operator=(const BackgroundTask&) = delete;

  // The work before must have been waited for. It runs with one thread for tensor operations, so
  // that training keeps its own, and hears no stop signals.
  void start(std::function<void()> work);
  // Until the work is done, if there is any. Throws what it threw.
  void wait();
  // The work has ended by throwing and was not waited for yet.
  bool has_failed() const { return has_failed_; }

 private:
  std::thread thread_;
  std::exception_ptr failure_;
  std::atomic<bool> has_failed_ = false;
};

}  // namespace ropewalk

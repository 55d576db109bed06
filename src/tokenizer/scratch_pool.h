// Scratch space (word cache, regex stack) that outlives a call, since most texts are short. A
// thread takes one, and gives it back for the next.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace ropewalk::tokenization {

template <typename Scratch>
class ScratchPool {
 public:
  std::unique_ptr<Scratch> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<Scratch>();
    auto scratch = std::move(free_.back());
    free_.pop_back();
    return scratch;
  }
  void give(std::unique_ptr<Scratch> scratch) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(scratch));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> free_;
};

}  // namespace ropewalk::tokenization

// One producer, several workers, one consumer that sees the batches in the order they were produced
// in. Bounded: the producer waits while enough is under way, so that a slow batch is overtaken by
// the others until that much has been done ahead of it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "ropewalk/base/signals.h"

namespace ropewalk {

template <typename Batch>
struct PipelineStages {
  std::function<std::unique_ptr<Batch>()> produce;  // on one thread; null at the end
  std::function<void(Batch&)> work;                 // on all workers
  std::function<uint64_t(const Batch&)> weight;     // memory that the batch takes until consumed
  int workers = 1;
  uint64_t max_weight = 0;  // of all batches under way; one counts for half of it at most
};

template <typename Batch>
class OrderedPipeline {
 public:
  explicit OrderedPipeline(PipelineStages<Batch> stages) : stages_(std::move(stages)) {
    threads_.emplace_back([this] { run_producer(); });
    for (int i = 0; i < stages_.workers; ++i) threads_.emplace_back([this] { run_worker(); });
  }
  // Ends after the batches that are being produced and worked on.
  ~OrderedPipeline() {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  OrderedPipeline(const OrderedPipeline&) = delete;
  OrderedPipeline& operator=(const OrderedPipeline&) = delete;

  // The next batch; null at the end. Runs `meanwhile`, which may throw, some times a second while
  // there is none. What a stage threw comes out here, after all batches before it.
  std::unique_ptr<Batch> next(const std::function<void()>& meanwhile) {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (const auto found = done_.find(num_taken_); found != done_.end()) {
        Slot slot = std::move(found->second);
        done_.erase(found);
        ++num_taken_;
        weight_ -= slot.weight;
        changed_.notify_all();
        if (slot.error) std::rethrow_exception(slot.error);
        return std::move(slot.batch);
      }
      if (ended_ && num_taken_ == num_produced_) {
        if (error_) std::rethrow_exception(error_);
        return nullptr;
      }
      if (changed_.wait_for(lock, kMeanwhile) == std::cv_status::timeout) {
        lock.unlock();
        meanwhile();
        lock.lock();
      }
    }
  }

 private:
  static constexpr std::chrono::milliseconds kMeanwhile{200};

  struct Slot {
    uint64_t index = 0;
    uint64_t weight = 0;
    std::unique_ptr<Batch> batch;
    std::exception_ptr error;
  };

  void run_producer() {
    block_stop_signals_in_this_thread();
    try {
      while (wait_for_room()) {
        std::unique_ptr<Batch> batch = stages_.produce();
        if (batch == nullptr) break;
        const uint64_t weight = std::min(stages_.weight(*batch), stages_.max_weight / 2);
        const std::lock_guard lock(mutex_);
        waiting_.push_back({num_produced_++, weight, std::move(batch), nullptr});
        weight_ += weight;
        changed_.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      error_ = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  // False when cancelled. Two batches wait per worker, so that none is idle.
  bool wait_for_room() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] {
      return cancelled_ ||
             (waiting_.size() < 2 * size_t(stages_.workers) && weight_ < stages_.max_weight);
    });
    return !cancelled_;
  }

  void run_worker() {
    block_stop_signals_in_this_thread();
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return cancelled_ || ended_ || !waiting_.empty(); });
      if (cancelled_ || waiting_.empty()) return;
      Slot slot = std::move(waiting_.front());
      waiting_.pop_front();
      changed_.notify_all();
      lock.unlock();
      try {
        stages_.work(*slot.batch);
      } catch (...) {
        slot.error = std::current_exception();
      }
      lock.lock();
      done_.emplace(slot.index, std::move(slot));
      changed_.notify_all();
    }
  }

  PipelineStages<Batch> stages_;
  std::mutex mutex_;
  std::condition_variable changed_;  // of anything below
  std::deque<Slot> waiting_;
  std::map<uint64_t, Slot> done_;
  uint64_t num_produced_ = 0, num_taken_ = 0;
  uint64_t weight_ = 0;
  bool ended_ = false, cancelled_ = false;
  std::exception_ptr error_;  // the producer's
  std::vector<std::thread> threads_;
};

}  // namespace ropewalk

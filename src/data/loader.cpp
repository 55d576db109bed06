#include "ropewalk/data/loader.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/signals.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

Batch make_batch(const SequenceDataset& sequences,
                 const Sampler& sampler,
                 const BatchLayout& layout,
                 uint64_t begin) {
  Batch batch;
  batch.rows = layout.micro_batch_size;
  batch.length = sequences.length();
  batch.tokens.resize(batch.rows * batch.length);
  batch.targets.resize(batch.rows * batch.length);
  batch.cursor = begin + static_cast<uint64_t>(layout.samples_per_micro_step());
  for (int64_t row = 0; row < batch.rows; ++row) {
    const uint64_t sample = layout.first_row(begin) + static_cast<uint64_t>(row);
    const auto at = static_cast<size_t>(row * batch.length);
    const auto length = static_cast<size_t>(batch.length);
    sequences.read(sampler.sequence(sample),
                   std::span(batch.tokens).subspan(at, length),
                   std::span(batch.targets).subspan(at, length));
  }
  return batch;
}

}  // namespace

struct Loader::Worker {
  struct Item {
    Batch batch;
    std::exception_ptr error;
  };

  Worker(const SequenceDataset& sequences, const Sampler& sampler, const LoaderOptions& options)
      : capacity_(static_cast<size_t>(options.prefetch)),
        thread_([this, &sequences, sampler, options] { run(sequences, sampler, options); }) {}

  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    room_.notify_all();
    thread_.join();
  }

  Item take() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [this] { return !queue_.empty(); });
    // A fault stays at the front: the thread has ended and every later call reports it again.
    if (queue_.front().error) return queue_.front();
    Item item = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    room_.notify_one();
    return item;
  }

 private:
  void run(const SequenceDataset& sequences, const Sampler& sampler, const LoaderOptions& options) {
    block_stop_signals_in_this_thread();
    uint64_t cursor = options.cursor;
    for (bool going = true; going;) {
      Item item;
      try {
        item.batch = make_batch(sequences, sampler, options.layout, cursor);
        cursor = item.batch.cursor;
      } catch (...) {
        item.error = std::current_exception();
      }
      going = !item.error;
      if (!put(std::move(item))) return;
    }
  }

  bool put(Item item) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return stop_ || queue_.size() < capacity_; });
    if (stop_) return false;
    queue_.push_back(std::move(item));
    lock.unlock();
    filled_.notify_one();
    return true;
  }

  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable room_;
  std::deque<Item> queue_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses everything above
};

Loader::Loader(std::shared_ptr<const SequenceDataset> sequences, const LoaderOptions& options)
    : sequences_(std::move(sequences)),
      options_(options),
      sampler_(sequences_->size(), options.seed),
      cursor_(options.cursor) {
  options_.layout.check();
  ROPEWALK_CHECK(options_.prefetch >= 1, "the queue holds at least one batch");
  worker_ = std::make_unique<Worker>(*sequences_, sampler_, options_);
}

Loader::~Loader() = default;

Batch Loader::next() {
  Worker::Item item = worker_->take();
  if (item.error) std::rethrow_exception(item.error);
  const uint64_t last_sample = item.batch.cursor - 1;
  // The first sample of a run begins epoch 0 without a word.
  if (cursor_ > 0 && sampler_.epoch(last_sample) != sampler_.epoch(cursor_ - 1)) {
    log_info("data: epoch " + format_count(sampler_.epoch(last_sample) + 1) + " begins after " +
             format_count(sampler_.epoch(last_sample) * sequences_->size()) + " sequences (" +
             format_count(sequences_->size()) + " per epoch)");
  }
  cursor_ = item.batch.cursor;
  return std::move(item.batch);
}

double Loader::epochs() const {
  return static_cast<double>(cursor_) / static_cast<double>(sequences_->size());
}

}  // namespace ropewalk

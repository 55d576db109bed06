#include "ropewalk/data/loader.h"

#include <algorithm>
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

int64_t count_targets(std::span<const int64_t> targets) {
  return static_cast<int64_t>(targets.size()) - std::ranges::count(targets, kIgnoredTarget);
}

Batch make_batch(const SampleSource& samples, const BatchLayout& layout, uint64_t begin) {
  Batch batch;
  batch.rows = layout.micro_batch_size;
  batch.length = samples.length();
  batch.tokens.resize(batch.rows * batch.length);
  batch.targets.resize(batch.rows * batch.length);
  batch.source_tokens.resize(samples.num_sources());
  batch.cursor = begin + static_cast<uint64_t>(layout.samples_per_micro_step());
  const auto length = static_cast<size_t>(batch.length);
  for (int64_t row = 0; row < batch.rows; ++row) {
    const auto place = samples.place(layout.first_row(begin) + static_cast<uint64_t>(row));
    const size_t at = static_cast<size_t>(row) * length;
    const std::span<int64_t> targets = std::span(batch.targets).subspan(at, length);
    samples.read(place,
                 {std::span(batch.tokens).subspan(at, length), targets, batch.document_lengths});
    batch.source_tokens[place.source] += count_targets(targets);
  }
  return batch;
}

}  // namespace

struct Loader::Worker {
  struct Item {
    Batch batch;
    std::exception_ptr error;
  };

  Worker(const SampleSource& samples, const LoaderOptions& options)
      : capacity_(static_cast<size_t>(options.prefetch)),
        thread_([this, &samples, options] { run(samples, options); }) {}

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
  void run(const SampleSource& samples, const LoaderOptions& options) {
    block_stop_signals_in_this_thread();
    uint64_t cursor = options.cursor;
    for (bool going = true; going;) {
      Item item;
      try {
        item.batch = make_batch(samples, options.layout, cursor);
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

Loader::Loader(std::shared_ptr<const SampleSource> samples, const LoaderOptions& options)
    : samples_(std::move(samples)), options_(options), cursor_(options.cursor) {
  options_.layout.check();
  ROPEWALK_CHECK(options_.prefetch >= 1, "the queue holds at least one batch");
  worker_ = std::make_unique<Worker>(*samples_, options_);
}

Loader::~Loader() = default;

Batch Loader::next() {
  Worker::Item item = worker_->take();
  if (item.error) std::rethrow_exception(item.error);
  // The first sample of a run begins epoch 0 without a word.
  const auto epoch_of = [&](uint64_t sample) { return sample / samples_->size(); };
  const uint64_t last_sample = item.batch.cursor - 1;
  const bool is_new_epoch = cursor_ > 0 && epoch_of(last_sample) != epoch_of(cursor_ - 1);
  if (is_new_epoch && !samples_->is_weighted()) {
    log_info("data: epoch " + format_count(epoch_of(last_sample) + 1) + " begins after " +
             format_count(epoch_of(last_sample) * samples_->size()) + " sequences (" +
             format_count(samples_->size()) + " per epoch)");
  }
  cursor_ = item.batch.cursor;
  return std::move(item.batch);
}

}  // namespace ropewalk

// Bytes of tensors, counted where they are held.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "ropewalk/dist/sharded_tensor.h"
#include "ropewalk/parallel/block_hooks.h"

namespace ropewalk::simulated {

// Counts the bytes of tensors on this thread while it lives.
class TensorBytes {
 public:
  TensorBytes() : guard_(c10::DebugInfoKind::PROFILER_STATE, counter_) {}
  int64_t now() const { return counter_->now; }
  int64_t most() const { return counter_->most; }
  void begin_most() { counter_->most = counter_->now; }

 private:
  struct Counter : c10::MemoryReportingInfoBase {
    void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
      now += bytes;
      most = std::max(most, now);
    }
    bool memoryProfilingEnabled() const override { return true; }
    int64_t now = 0, most = 0;
  };

  std::shared_ptr<Counter> counter_ = std::make_shared<Counter>();
  c10::DebugInfoGuard guard_;
};

// Of the memory that tensors use, each memory once.
inline int64_t storage_bytes(const std::vector<at::Tensor>& tensors) {
  std::set<const c10::StorageImpl*> seen;
  int64_t bytes = 0;
  for (const at::Tensor& tensor : tensors) {
    if (!tensor.defined()) continue;
    const c10::StorageImpl* storage = tensor.storage().unsafeGetStorageImpl();
    if (seen.insert(storage).second) bytes += static_cast<int64_t>(storage->nbytes());
  }
  return bytes;
}

inline int64_t local_bytes(const dist::NamedShardedTensors& tensors) {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) bytes += static_cast<int64_t>(tensor.local().nbytes());
  return bytes;
}

// Calls what looks on around what the kind of data parallelism does.
class WatchedHooks final : public parallel::BlockHooks {
 public:
  WatchedHooks(std::shared_ptr<BlockHooks> inner,
               std::function<void()> forward_ended,
               std::function<void(const Block&)> backward_ended)
      : inner_(std::move(inner)),
        forward_ended_(std::move(forward_ended)),
        backward_ended_(std::move(backward_ended)) {}

  void before_forward(const Block& block) override {
    if (inner_) inner_->before_forward(block);
  }
  void after_forward(const Block& block, bool recorded) override {
    if (inner_) inner_->after_forward(block, recorded);
    forward_ended_();
  }
  void before_backward(const Block& block) override {
    if (inner_) inner_->before_backward(block);
  }
  // The block's gradients are still there.
  void after_backward(const Block& block) override {
    backward_ended_(block);
    if (inner_) inner_->after_backward(block);
  }

 private:
  std::shared_ptr<BlockHooks> inner_;
  std::function<void()> forward_ended_;
  std::function<void(const Block&)> backward_ended_;
};

}  // namespace ropewalk::simulated

#include "cli/engine/block_cache.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <mutex>
#include <new>

namespace ropewalk::cli {
namespace {

constexpr size_t kSmallestBytes = size_t{1} << 20;
constexpr size_t kSpareBytes = size_t{32} << 20;
// A kept block may be this much larger than what is asked for. Its rest costs memory only where it
// was written to before.
constexpr size_t kLargerPart = 8;
constexpr uint8_t kPriority = 1;

// To an eighth of a power of two, so that tensors of nearly one size share blocks.
size_t rounded(size_t bytes) {
  const size_t grain = std::bit_floor(bytes) / 8;
  return (bytes + grain - 1) / grain * grain;
}

class BlockCache final : public c10::Allocator {
 public:
  explicit BlockCache(c10::Allocator* small) : small_(small) {}

  c10::DataPtr allocate(size_t bytes) override {
    if (bytes < kSmallestBytes) return small_->allocate(bytes);
    Block* block = take(rounded(bytes));
    return {block->data, block, &BlockCache::give_back, c10::Device(c10::DeviceType::CPU)};
  }
  // Null: a caller may not free by address alone what may be either kind.
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, std::size_t count) const override {
    std::memcpy(to, from, count);
  }

 private:
  struct Block {
    BlockCache* owner;
    void* data;
    size_t bytes;
  };

  static void give_back(void* context) {
    auto* block = static_cast<Block*>(context);
    block->owner->keep(block);
  }

  Block* take(size_t bytes) {
    const std::lock_guard lock(mutex_);
    Block* block = nullptr;
    const auto kept = kept_.lower_bound(bytes);
    if (kept != kept_.end() && kept->first <= bytes + bytes / kLargerPart) {
      block = kept->second;
      kept_bytes_ -= block->bytes;
      kept_.erase(kept);
    } else {
      make_room(bytes);
      block = new Block{this, map(bytes), bytes};
    }
    used_bytes_ += block->bytes;
    most_used_bytes_ = std::max(most_used_bytes_, used_bytes_);
    return block;
  }

  void keep(Block* block) {
    const std::lock_guard lock(mutex_);
    used_bytes_ -= block->bytes;
    kept_bytes_ += block->bytes;
    kept_.emplace(block->bytes, block);
  }

  // The largest first: few calls, and small blocks are more often of use.
  void make_room(size_t bytes) {
    const size_t limit = std::max(most_used_bytes_, used_bytes_ + bytes) + kSpareBytes;
    while (!kept_.empty() && used_bytes_ + kept_bytes_ + bytes > limit) release_largest();
  }

  void release_largest() {
    const auto last = std::prev(kept_.end());
    munmap(last->second->data, last->first);
    kept_bytes_ -= last->first;
    delete last->second;
    kept_.erase(last);
  }

  void* map(size_t bytes) {
    for (;;) {
      void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (data != MAP_FAILED) return data;
      if (kept_.empty()) throw std::bad_alloc();
      release_largest();
    }
  }

  c10::Allocator* small_;
  std::mutex mutex_;
  std::multimap<size_t, Block*> kept_;
  size_t used_bytes_ = 0, kept_bytes_ = 0, most_used_bytes_ = 0;
};

}  // namespace

void cache_large_tensors() {
  // Never deleted: tensors may outlive main.
  c10::SetCPUAllocator(new BlockCache(c10::GetCPUAllocator()), kPriority);
}

}  // namespace ropewalk::cli

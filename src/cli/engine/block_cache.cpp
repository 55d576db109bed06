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
#include <unordered_map>

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
  // c10's deleters know nothing but an address, hence one cache for the process. Never deleted:
  // tensors may outlive main.
  static BlockCache& instance() {
    static auto* cache = new BlockCache(c10::GetCPUAllocator());
    return *cache;
  }

  c10::DataPtr allocate(size_t bytes) override {
    if (bytes < kSmallestBytes) return small_->allocate(bytes);
    void* data = take(rounded(bytes));
    return {data, data, &BlockCache::give_back, c10::Device(c10::DeviceType::CPU)};
  }
  // Of either kind of tensor: ATen frees what it took without a tensor by this.
  c10::DeleterFnPtr raw_deleter() const override { return &BlockCache::give_back; }
  void copy_data(void* to, const void* from, std::size_t count) const override {
    std::memcpy(to, from, count);
  }

 private:
  explicit BlockCache(c10::Allocator* small) : small_(small) {}

  static void give_back(void* data) {
    BlockCache& cache = instance();
    if (!cache.keep(data)) cache.small_->raw_deallocate(data);
  }

  void* take(size_t bytes) {
    const std::lock_guard lock(mutex_);
    void* data = nullptr;
    const auto kept = kept_.lower_bound(bytes);
    if (kept != kept_.end() && kept->first <= bytes + bytes / kLargerPart) {
      bytes = kept->first;
      data = kept->second;
      kept_bytes_ -= bytes;
      kept_.erase(kept);
    } else {
      make_room(bytes);
      data = map(bytes);
    }
    in_use_.emplace(data, bytes);
    used_bytes_ += bytes;
    most_used_bytes_ = std::max(most_used_bytes_, used_bytes_);
    return data;
  }

  // False: not a block of this cache.
  bool keep(void* data) {
    const std::lock_guard lock(mutex_);
    const auto block = in_use_.find(data);
    if (block == in_use_.end()) return false;
    used_bytes_ -= block->second;
    kept_bytes_ += block->second;
    kept_.emplace(block->second, data);
    in_use_.erase(block);
    return true;
  }

  // The largest first: few calls, and small blocks are more often of use.
  void make_room(size_t bytes) {
    const size_t limit = std::max(most_used_bytes_, used_bytes_ + bytes) + kSpareBytes;
    while (!kept_.empty() && used_bytes_ + kept_bytes_ + bytes > limit) release_largest();
  }

  void release_largest() {
    const auto last = std::prev(kept_.end());
    munmap(last->second, last->first);
    kept_bytes_ -= last->first;
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
  std::unordered_map<void*, size_t> in_use_;
  std::multimap<size_t, void*> kept_;
  size_t used_bytes_ = 0, kept_bytes_ = 0, most_used_bytes_ = 0;
};

}  // namespace

void cache_large_tensors() { c10::SetCPUAllocator(&BlockCache::instance(), kPriority); }

}  // namespace ropewalk::cli

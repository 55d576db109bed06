// Own loops run on LibTorch's threads.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

namespace ropewalk::ops {
namespace {

TEST(Threads, ALoopIsSharedByAllOfThem) {
  const int before = at::get_num_threads();
  at::set_num_threads(3);
  std::mutex mutex;
  std::set<std::thread::id> ran_on;
  at::parallel_for(0, 3, 1, [&](int64_t begin, int64_t end) {
    const std::lock_guard<std::mutex> lock(mutex);
    EXPECT_EQ(end, begin + 1);
    ran_on.insert(std::this_thread::get_id());
  });
  at::set_num_threads(before);
  EXPECT_EQ(ran_on.size(), 3u);
}

}  // namespace
}  // namespace ropewalk::ops

#include "plan/saved_copy.h"

#include <algorithm>
#include <vector>

#include "ropewalk/base/share_out.h"

namespace ropewalk::plan {
namespace {

constexpr int64_t kStateBytes = 4;
constexpr int64_t kMostFileBytes = 5'000'000'000;  // CheckpointerOptions::max_shard_bytes

struct File {
  int64_t bytes;   // on disk
  int64_t copied;  // in memory
};

// Tensors are small beside files, so that files of one kind are about the same size.
void append_files(int64_t numbers, int64_t number_bytes, std::vector<File>& files) {
  const int64_t count = (numbers * number_bytes + kMostFileBytes - 1) / kMostFileBytes;
  for (int64_t i = 0; i < count; ++i) {
    files.push_back({numbers * number_bytes / count, numbers * kStateBytes / count});
  }
}

}  // namespace

int64_t saved_copy_bytes(const StateCounts& counts, const RunShape& shape) {
  if (!shape.async_save) return 0;
  if (shape.is_sharded() || shape.ranks == 1)
    return (counts.weights + counts.moments) * kStateBytes;
  std::vector<File> files;
  append_files(counts.weights, shape.compute_bytes(), files);
  if (shape.compute_bytes() < kStateBytes) append_files(counts.weights, kStateBytes, files);
  append_files(counts.moments, kStateBytes, files);
  std::vector<uint64_t> sizes;
  for (const File& file : files) sizes.push_back(static_cast<uint64_t>(file.bytes));
  const auto num_ranks = static_cast<size_t>(shape.ranks);
  const std::vector<size_t> owners = share_out(sizes, num_ranks);
  std::vector<int64_t> copied(num_ranks);
  for (size_t i = 0; i < files.size(); ++i) copied[owners[i]] += files[i].copied;
  return *std::max_element(copied.begin(), copied.end());
}

}  // namespace ropewalk::plan

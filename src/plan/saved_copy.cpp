#include "plan/saved_copy.h"

#include <algorithm>
#include <vector>

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
  std::stable_sort(
      files.begin(), files.end(), [](const File& a, const File& b) { return a.bytes > b.bytes; });
  std::vector<File> ranks(static_cast<size_t>(shape.ranks));
  for (const File& file : files) {
    File& least = *std::min_element(
        ranks.begin(), ranks.end(), [](const File& a, const File& b) { return a.bytes < b.bytes; });
    least.bytes += file.bytes;
    least.copied += file.copied;
  }
  return std::max_element(ranks.begin(),
                          ranks.end(),
                          [](const File& a, const File& b) { return a.copied < b.copied; })
      ->copied;
}

}  // namespace ropewalk::plan

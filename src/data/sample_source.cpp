#include "ropewalk/data/sample_source.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/rng.h"

namespace ropewalk {
namespace {

// Streams of random numbers of their own, beside the epochs of the samplers.
constexpr uint64_t kBlockStream = uint64_t{1} << 62;
constexpr uint64_t kSourceStream = uint64_t{1} << 63;

std::vector<int64_t> summed(const std::vector<int64_t>& counts) {
  std::vector<int64_t> begins{0};
  for (const int64_t count : counts) begins.push_back(begins.back() + count);
  return begins;
}

// Which part of [0, begins.back()) holds the index.
int64_t part_of(const std::vector<int64_t>& begins, int64_t index) {
  return std::ranges::upper_bound(begins, index) - begins.begin() - 1;
}

std::vector<int64_t> sizes_of(const std::vector<Source>& sources) {
  std::vector<int64_t> sizes;
  for (const Source& source : sources) sizes.push_back(source.sequences->size());
  return sizes;
}

// Whole numbers in the ratio of the weights that sum to `total`, each at least 1: what is left over
// goes to the largest remainders, the first among equals.
std::vector<int64_t> apportion(const std::vector<Source>& sources, int64_t total) {
  double sum = 0;
  for (const Source& source : sources) sum += source.weight;
  std::vector<int64_t> counts;
  std::vector<double> remainders;
  for (const Source& source : sources) {
    const double exact = static_cast<double>(total) * source.weight / sum;
    counts.push_back(std::max<int64_t>(1, static_cast<int64_t>(std::floor(exact))));
    remainders.push_back(exact - static_cast<double>(counts.back()));
  }
  for (int64_t given = std::reduce(counts.begin(), counts.end()); given != total;) {
    // Above the total only where many sources were raised to 1: the largest gives way.
    const bool more = given < total;
    const auto at = more ? std::ranges::max_element(remainders) - remainders.begin()
                         : std::ranges::max_element(counts) - counts.begin();
    counts[at] += more ? 1 : -1;
    remainders[at] += more ? -1.0 : 1.0;
    given += more ? 1 : -1;
  }
  return counts;
}

}  // namespace

SampleSource::SampleSource(std::vector<Source> sources, uint64_t seed)
    : sources_(std::move(sources)),
      seed_(seed),
      begins_(summed(sizes_of(sources_))),
      all_(begins_.back(), seed) {
  size_ = begins_.back();
  for (const Source& source : sources_) {
    ROPEWALK_CHECK(source.sequences->length() == length(), "sources have one sequence length");
  }
}

SampleSource SampleSource::in_turn(std::vector<Source> sources, uint64_t seed) {
  return {std::move(sources), seed};
}

SampleSource SampleSource::weighted(std::vector<Source> sources, uint64_t seed) {
  SampleSource made(std::move(sources), seed);
  ROPEWALK_CHECK(made.num_sources() <= kBlock, "a block has room for every source");
  made.shares_ = summed(apportion(made.sources_, kBlock));
  for (int64_t source = 0; source < made.num_sources(); ++source) {
    made.each_.emplace_back(made.sources_[source].sequences->size(),
                            random_bits(seed, kSourceStream, static_cast<uint64_t>(source)));
  }
  return made;
}

SampleSource::Place SampleSource::place(uint64_t sample) const {
  if (each_.empty()) {
    const int64_t sequence = all_.sequence(sample);
    const int64_t source = part_of(begins_, sequence);
    return {source, sequence - begins_[source]};
  }
  const uint64_t block = sample / kBlock;
  const IndexPermutation order(kBlock, seed_, kBlockStream + block);
  const auto at = static_cast<int64_t>(order(sample % kBlock));
  const int64_t source = part_of(shares_, at);
  const int64_t share = shares_[source + 1] - shares_[source];
  const uint64_t own =
      block * static_cast<uint64_t>(share) + static_cast<uint64_t>(at - shares_[source]);
  return {source, each_[source].sequence(own)};
}

double SampleSource::epochs(int64_t source, uint64_t cursor) const {
  if (each_.empty()) return epochs(cursor);
  // Whole blocks hold exactly the share; within one it is so on average.
  const int64_t share = shares_[source + 1] - shares_[source];
  return static_cast<double>(cursor) * static_cast<double>(share) / static_cast<double>(kBlock) /
         static_cast<double>(sources_[source].sequences->size());
}

}  // namespace ropewalk

#include "ropewalk/data/sample_source.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/rng.h"

namespace ropewalk {
namespace {

// Streams of random numbers of their own, beside the epochs of the samplers.
constexpr uint64_t kBlockStream = uint64_t{1} << 62;  // + the source
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

// A source's samples stand one in each of `share` equal stretches of the block, at a random place
// of it: what any stretch of the samples holds of a source is off its share by less than 2, and no
// regular beat gives a rank always the same source.
std::vector<SampleSource::Turn> SampleSource::order_of_block(const std::vector<int64_t>& shares,
                                                             uint64_t seed) {
  struct Placed {
    double at;  // 0 to 1
    Turn turn;
  };
  std::vector<Placed> placed;
  for (size_t source = 0; source < shares.size(); ++source) {
    for (int64_t number = 0; number < shares[source]; ++number) {
      const double within = random_uniform(seed, kBlockStream + source, uint64_t(number));
      placed.push_back(
          {(static_cast<double>(number) + within) / static_cast<double>(shares[source]),
           {static_cast<int32_t>(source), static_cast<int32_t>(number)}});
    }
  }
  std::ranges::stable_sort(placed, {}, &Placed::at);
  std::vector<Turn> order;
  for (const Placed& sample : placed) order.push_back(sample.turn);
  return order;
}

SampleSource SampleSource::weighted(std::vector<Source> sources, uint64_t seed) {
  SampleSource made(std::move(sources), seed);
  ROPEWALK_CHECK(made.num_sources() <= kBlock, "a block has room for every source");
  made.shares_ = apportion(made.sources_, kBlock);
  made.block_ = order_of_block(made.shares_, seed);
  for (int64_t source = 0; source < made.num_sources(); ++source) {
    made.each_.emplace_back(made.sources_[source].sequences->size(),
                            random_bits(seed, kSourceStream, static_cast<uint64_t>(source)));
  }
  return made;
}

SampleSource::Place SampleSource::place(uint64_t sample) const {
  if (!is_weighted()) {
    const int64_t sequence = all_.sequence(sample);
    const int64_t source = part_of(begins_, sequence);
    return {source, sequence - begins_[source]};
  }
  const Turn turn = block_[sample % kBlock];
  const uint64_t own = sample / kBlock * static_cast<uint64_t>(shares_[turn.source]) +
                       static_cast<uint64_t>(turn.number);
  return {turn.source, each_[turn.source].sequence(own)};
}

uint64_t SampleSource::num_samples(int64_t source, uint64_t cursor) const {
  ROPEWALK_CHECK(is_weighted(), "without weights sources have no samples of their own");
  const auto in_block = std::span(block_).first(cursor % kBlock);
  return cursor / kBlock * static_cast<uint64_t>(shares_[source]) +
         static_cast<uint64_t>(std::ranges::count(in_block, source, &Turn::source));
}

double SampleSource::epochs(int64_t source, uint64_t cursor) const {
  if (!is_weighted()) return epochs(cursor);
  return static_cast<double>(num_samples(source, cursor)) / static_cast<double>(size(source));
}

}  // namespace ropewalk

// Which sequence comes when: the sequences of one source of data, or of several in given shares.
// The order is a pure function of (seed, global sample number), so that one number, the cursor =
// samples consumed so far by all ranks together, is the whole state.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ropewalk/data/sampler.h"
#include "ropewalk/data/sequence_dataset.h"

namespace ropewalk {

struct Source {
  std::string name;
  std::shared_ptr<const SequenceDataset> sequences;
  double weight = 1.0;  // share of the samples, relative to the other sources'; > 0
  // For the user only: documents that no sequence was made of, being too short.
  int64_t num_left_out = 0;
};

// Without weights an epoch visits every sequence of every source exactly once. With them, samples
// come in blocks of kBlock: each holds of every source the number that its weight asks for (largest
// remainder, at least 1), spread evenly over the block, and a source's samples in their order visit
// its sequences exactly once per epoch of that source. Const use from several threads is safe.
class SampleSource {
 public:
  static constexpr int64_t kBlock = 10'000;

  // All sources have the same sequence length. At most kBlock sources.
  static SampleSource in_turn(std::vector<Source> sources, uint64_t seed);  // weights are not used
  static SampleSource weighted(std::vector<Source> sources, uint64_t seed);

  int64_t length() const { return sources_.front().sequences->length(); }
  int64_t num_sources() const { return static_cast<int64_t>(sources_.size()); }
  const std::string& name(int64_t source) const { return sources_[source].name; }
  int64_t size() const { return size_; }  // sequences of all sources
  int64_t size(int64_t source) const { return sources_[source].sequences->size(); }
  int64_t num_left_out(int64_t source) const { return sources_[source].num_left_out; }

  struct Place {
    int64_t source;
    int64_t sequence;
  };
  Place place(uint64_t sample) const;
  void read(const Place& place, const SequenceRow& row) const {
    sources_[place.source].sequences->read(place.sequence, row);
  }

  bool is_weighted() const { return !each_.empty(); }
  // How many of the samples before `cursor` are of this source. Needs weights.
  uint64_t num_samples(int64_t source, uint64_t cursor) const;
  // How often the samples before `cursor` have gone through a source, such as 1.25.
  double epochs(int64_t source, uint64_t cursor) const;
  // The same for all together: cursor / size().
  double epochs(uint64_t cursor) const {
    return static_cast<double>(cursor) / static_cast<double>(size_);
  }

 private:
  // One sample of a block.
  struct Turn {
    int32_t source;
    int32_t number;  // among the block's samples of that source
  };

  SampleSource(std::vector<Source> sources, uint64_t seed);
  static std::vector<Turn> order_of_block(const std::vector<int64_t>& shares, uint64_t seed);

  std::vector<Source> sources_;
  int64_t size_ = 0;
  std::vector<int64_t> begins_;  // sequences of the sources before; last = size_
  Sampler all_;                  // in turn
  // Weighted, else empty: a sampler and a share of a block for each source, and every block's
  // order.
  std::vector<Sampler> each_;
  std::vector<int64_t> shares_;
  std::vector<Turn> block_;
};

}  // namespace ropewalk

// Training sequences of one fixed length, addressable by index: what the sampler draws from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "ropewalk/data/token_dataset.h"

namespace ropewalk {

// Const use from several threads is safe.
class SequenceDataset {
 public:
  virtual ~SequenceDataset() = default;
  virtual int64_t size() const = 0;    // number of sequences, at least 1
  virtual int64_t length() const = 0;  // tokens per sequence
  // Both spans have length() entries; targets[t] is the token to predict after inputs[t], or
  // kIgnoredTarget.
  virtual void read(int64_t index, std::span<int64_t> inputs, std::span<int64_t> targets) const = 0;
};

inline constexpr int64_t kIgnoredTarget = -100;

struct ConcatOptions {
  int64_t sequence_length = 0;
  int32_t eos_id = 0;
  std::optional<int32_t> bos_id;  // given: put before each document
};

// The stream of every document as [BOS] tokens EOS, cut at multiples of S = sequence_length:
// sequence i has inputs stream[i*S .. i*S+S) and targets stream[i*S+1 .. i*S+S+1); what is left at
// the end and does not fill a sequence is dropped. The stream is never built: a position is found
// by binary search in the shards' document tables. DataError when there is not one whole sequence.
std::unique_ptr<SequenceDataset> make_concat_dataset(std::shared_ptr<const TokenDataset> tokens,
                                                     const ConcatOptions& options);

}  // namespace ropewalk

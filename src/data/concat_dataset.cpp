#include <algorithm>

#include "ropewalk/base/errors.h"
#include "ropewalk/data/sequence_dataset.h"

namespace ropewalk {
namespace {

class ConcatDataset : public SequenceDataset {
 public:
  ConcatDataset(std::shared_ptr<const TokenDataset> tokens, const ConcatOptions& options)
      : tokens_(std::move(tokens)),
        options_(options),
        bos_size_(options.bos_id ? 1 : 0),
        added_(bos_size_ + 1),
        stream_size_(tokens_->num_tokens() + tokens_->num_documents() * added_) {
    const int64_t length = options.sequence_length;
    if (length < 1) {
      throw ConfigError("data.sequence_length: found " + std::to_string(length) +
                        "; expected at least 1");
    }
    if (size() < 1) {
      throw DataError("data: found " + std::to_string(tokens_->num_documents()) + " documents of " +
                      std::to_string(tokens_->num_tokens()) + " tokens, a stream of " +
                      std::to_string(stream_size_) + " with separators; expected at least " +
                      std::to_string(length + 1) + " for one sequence of length " +
                      std::to_string(length) + "; prepare more text or shorten " +
                      "data.sequence_length");
    }
  }

  // A sequence of S tokens takes S + 1 of the stream and shares one with the next.
  int64_t size() const override { return (stream_size_ - 1) / options_.sequence_length; }
  int64_t length() const override { return options_.sequence_length; }

  void read(int64_t index, std::span<int64_t> inputs, std::span<int64_t> targets) const override {
    const int64_t length = options_.sequence_length;
    ROPEWALK_CHECK(index >= 0 && index < size(), "sequence out of range");
    ROPEWALK_CHECK(static_cast<int64_t>(inputs.size()) == length && targets.size() == inputs.size(),
                   "rows must have the dataset's length");
    const int64_t begin = index * length;
    read_stream(begin, inputs);
    std::copy(inputs.begin() + 1, inputs.end(), targets.begin());
    read_stream(begin + length, targets.last(1));
  }

 private:
  // Where the document begins in the stream, its BOS included. Grows with the document, so that a
  // position is found by bisection.
  int64_t stream_begin(int64_t shard, int64_t local) const {
    const auto offset = static_cast<int64_t>(tokens_->shard(shard).document_offsets()[local]);
    return tokens_->first_token(shard) + offset + (tokens_->first_document(shard) + local) * added_;
  }

  int64_t stream_begin_of_shard(int64_t shard) const {
    return tokens_->first_token(shard) + tokens_->first_document(shard) * added_;
  }

  // The largest number in [0, count) at which `begin_of` is not beyond the position.
  template <typename BeginOf>
  static int64_t last_begin(int64_t count, int64_t position, BeginOf begin_of) {
    int64_t low = 0;
    int64_t high = count;
    while (high - low > 1) {
      const int64_t middle = low + (high - low) / 2;
      (begin_of(middle) <= position ? low : high) = middle;
    }
    return low;
  }

  void read_stream(int64_t position, std::span<int64_t> out) const {
    int64_t shard = last_begin(
        tokens_->num_shards(), position, [&](int64_t i) { return stream_begin_of_shard(i); });
    int64_t local = last_begin(tokens_->shard(shard).num_documents(), position, [&](int64_t i) {
      return stream_begin(shard, i);
    });
    while (!out.empty()) {
      if (local >= tokens_->shard(shard).num_documents()) {
        ++shard;
        local = 0;
        continue;
      }
      const int64_t copied =
          read_document(shard, local, position - stream_begin(shard, local), out);
      position += copied;
      out = out.subspan(copied);
      ++local;
    }
  }

  // Copies [BOS] tokens EOS of one document from `from` on, as much as fits; returns how much.
  int64_t read_document(int64_t shard, int64_t local, int64_t from, std::span<int64_t> out) const {
    const TokenShardReader& reader = tokens_->shard(shard);
    const int64_t length = reader.document_length(local);
    const int64_t capacity = static_cast<int64_t>(out.size());
    int64_t filled = 0;
    if (from < bos_size_) {
      out[filled++] = *options_.bos_id;
      from = bos_size_;
    }
    const int64_t first = from - bos_size_;
    const int64_t count = std::clamp<int64_t>(length - first, 0, capacity - filled);
    if (count > 0) {
      const auto offset = static_cast<int64_t>(reader.document_offsets()[local]);
      reader.copy_tokens(offset + first, out.subspan(filled, count));
      check_ids(reader, out.subspan(filled, count));
      filled += count;
    }
    if (filled < capacity && first + count >= length) out[filled++] = options_.eos_id;
    return filled;
  }

  // Opening a shard does not read its tokens; an id beyond the vocabulary would index past the
  // embedding.
  static void check_ids(const TokenShardReader& reader, std::span<const int64_t> ids) {
    const int64_t largest = *std::max_element(ids.begin(), ids.end());
    if (largest < reader.info().vocab_size) return;
    throw DataError(reader.path().string() + ": found the token id " + std::to_string(largest) +
                    "; expected ids below its vocabulary size " +
                    std::to_string(reader.info().vocab_size) +
                    "; the file is damaged, prepare it again");
  }

  std::shared_ptr<const TokenDataset> tokens_;
  ConcatOptions options_;
  int64_t bos_size_;
  int64_t added_;  // tokens around each document
  int64_t stream_size_;
};

}  // namespace

std::unique_ptr<SequenceDataset> make_concat_dataset(std::shared_ptr<const TokenDataset> tokens,
                                                     const ConcatOptions& options) {
  return std::make_unique<ConcatDataset>(std::move(tokens), options);
}

}  // namespace ropewalk

#include <algorithm>

#include "ropewalk/base/errors.h"
#include "ropewalk/data/sequence_dataset.h"

namespace ropewalk {
namespace {

class ConcatDataset final : public SequenceDataset {
 public:
  ConcatDataset(DocumentSelection documents, const SequenceOptions& options)
      : documents_(std::move(documents)),
        options_(options),
        bos_size_(options.bos_id ? 1 : 0),
        added_(bos_size_ + (options.eos_id ? 1 : 0)),
        stream_size_(stream_begin(documents_.size())) {
    if (size() < 1) {
      throw DataError("data: found " + std::to_string(documents_.size()) + " documents of " +
                      std::to_string(documents_.num_tokens()) + " tokens, a stream of " +
                      std::to_string(stream_size_) + " with separators; expected at least " +
                      std::to_string(length() + 1) + " for one sequence of length " +
                      std::to_string(length()) + "; prepare more text or shorten " +
                      "data.sequence_length");
    }
  }

  // A sequence of S tokens takes S + 1 of the stream and shares one with the next.
  int64_t size() const override { return (stream_size_ - 1) / options_.sequence_length; }
  int64_t length() const override { return options_.sequence_length; }

  void read(int64_t index, const SequenceRow& row) const override {
    ROPEWALK_CHECK(index >= 0 && index < size(), "sequence out of range");
    const int64_t begin = index * length();
    read_stream(begin, row.inputs);
    std::copy(row.inputs.begin() + 1, row.inputs.end(), row.targets.begin());
    read_stream(begin + length(), row.targets.last(1));
    if (documents_.has_targets()) mask_targets(begin + 1, row.targets);
  }

 private:
  // Where the i-th document begins in the stream, its BOS included.
  int64_t stream_begin(int64_t i) const { return documents_.tokens_before(i) + i * added_; }

  // The last document that begins at or before the position.
  int64_t document_at(int64_t position) const {
    int64_t low = 0;
    int64_t high = documents_.size();
    while (high - low > 1) {
      const int64_t middle = low + (high - low) / 2;
      (stream_begin(middle) <= position ? low : high) = middle;
    }
    return low;
  }

  void read_stream(int64_t position, std::span<int64_t> out) const {
    for (int64_t i = document_at(position); !out.empty(); ++i) {
      const int64_t copied = read_document(i, position - stream_begin(i), out);
      position += copied;
      out = out.subspan(copied);
    }
  }

  // Copies [BOS] tokens [EOS] of one document from `from` on, as much as fits; returns how much.
  int64_t read_document(int64_t i, int64_t from, std::span<int64_t> out) const {
    const int64_t tokens = documents_.length(i);
    const auto capacity = static_cast<int64_t>(out.size());
    int64_t filled = 0;
    if (from < bos_size_) {
      out[filled++] = *options_.bos_id;
      from = bos_size_;
    }
    const int64_t first = from - bos_size_;
    const int64_t count = std::clamp<int64_t>(tokens - first, 0, capacity - filled);
    if (count > 0) {
      documents_.read(i, first, out.subspan(filled, count));
      filled += count;
    }
    if (options_.eos_id && filled < capacity && first + count >= tokens) {
      out[filled++] = *options_.eos_id;
    }
    return filled;
  }

  // Takes away what is not trained of the targets, which begin at this position of the stream. What
  // begins a document is not trained; what ends it is if its last token is.
  void mask_targets(int64_t position, std::span<int64_t> targets) const {
    std::vector<uint8_t> trained;
    for (int64_t i = document_at(position); !targets.empty(); ++i) {
      const int64_t from = position - stream_begin(i);
      const int64_t tokens = documents_.length(i);
      const auto count =
          std::min<int64_t>(tokens + added_ - from, static_cast<int64_t>(targets.size()));
      trained.assign(count, 0);
      const int64_t first = std::max(from, bos_size_);  // of the row's that are no BOS
      const int64_t last = std::min(from + count, bos_size_ + tokens);
      if (first < last) {
        documents_.read_targets(
            i, first - bos_size_, std::span(trained).subspan(first - from, last - first));
      }
      const bool holds_end = options_.eos_id && from + count == tokens + added_;
      if (holds_end && count > 0 && tokens > 0) trained.back() = documents_.end_is_trained(i);
      for (int64_t t = 0; t < count; ++t) {
        if (trained[t] == 0) targets[t] = kIgnoredTarget;
      }
      position += count;
      targets = targets.subspan(count);
    }
  }

  DocumentSelection documents_;
  SequenceOptions options_;
  int64_t bos_size_;
  int64_t added_;  // tokens around each document
  int64_t stream_size_;
};

}  // namespace

std::unique_ptr<SequenceDataset> make_concat_dataset(DocumentSelection documents,
                                                     const SequenceOptions& options) {
  return std::make_unique<ConcatDataset>(std::move(documents), options);
}

}  // namespace ropewalk

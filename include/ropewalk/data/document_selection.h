// The documents of a dataset that training draws on: all of them, or those of some lengths.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "ropewalk/data/token_dataset.h"

namespace ropewalk {

struct LengthRange {
  int64_t min_tokens = 0;
  int64_t max_tokens = std::numeric_limits<int64_t>::max();  // included
  bool holds(int64_t tokens) const { return min_tokens <= tokens && tokens <= max_tokens; }
};

// Documents are numbered from 0 within the selection, in the order of the dataset. Const use from
// several threads is safe. Memory: nothing for all documents of a range, else 16 bytes for each
// that is chosen.
class DocumentSelection {
 public:
  // Of `documents`, those whose lengths are within `lengths`.
  DocumentSelection(std::shared_ptr<const TokenDataset> tokens,
                    DocumentRange documents,
                    LengthRange lengths = {});
  explicit DocumentSelection(std::shared_ptr<const TokenDataset> tokens);  // all documents

  int64_t size() const { return size_; }
  int64_t num_tokens() const { return tokens_before(size_); }
  // Of the documents chosen before the i-th; i may be size().
  int64_t tokens_before(int64_t i) const {
    return all_ ? tokens_->token_begin(range_.begin + i) - first_token_ : begins_[i];
  }
  int64_t length(int64_t i) const {
    return all_ ? tokens_->document_length(range_.begin + i) : begins_[i + 1] - begins_[i];
  }

  // As in TokenDataset, of the i-th document.
  void read(int64_t i, int64_t begin, std::span<int64_t> out) const {
    tokens_->read(index_in_dataset(i), begin, out);
  }
  bool has_targets() const { return has_targets_; }
  void read_targets(int64_t i, int64_t begin, std::span<uint8_t> out) const {
    tokens_->read_targets(index_in_dataset(i), begin, out);
  }
  // Whether what ends the i-th document is trained on: as its last token is. It has tokens.
  bool end_is_trained(int64_t i) const;

 private:
  int64_t index_in_dataset(int64_t i) const { return all_ ? range_.begin + i : chosen_[i]; }

  std::shared_ptr<const TokenDataset> tokens_;
  DocumentRange range_;
  int64_t first_token_;  // of the dataset, where the range begins
  bool all_;
  bool has_targets_;
  int64_t size_;
  std::vector<int64_t> chosen_;
  std::vector<int64_t> begins_;  // size_ + 1
};

}  // namespace ropewalk

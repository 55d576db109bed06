// The documents of a dataset that training draws on: all of them, or those of some lengths.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "ropewalk/data/token_dataset.h"

namespace ropewalk {

struct LengthRange {
  int64_t min_tokens = 0;
  int64_t max_tokens = std::numeric_limits<int64_t>::max();  // included
  bool holds(int64_t tokens) const { return min_tokens <= tokens && tokens <= max_tokens; }
};

// Keeps the order of the dataset. Const use from several threads is safe. Memory: nothing for all
// documents, else 16 bytes for each that is chosen.
class DocumentSelection {
 public:
  explicit DocumentSelection(std::shared_ptr<const TokenDataset> tokens, LengthRange range = {});

  const TokenDataset& tokens() const { return *tokens_; }
  int64_t size() const { return size_; }
  int64_t num_tokens() const { return tokens_before(size_); }
  // Index in the dataset of the i-th chosen document.
  int64_t document(int64_t i) const { return all_ ? i : documents_[i]; }
  // Of the documents chosen before the i-th; i may be size().
  int64_t tokens_before(int64_t i) const { return all_ ? tokens_->token_begin(i) : begins_[i]; }

 private:
  std::shared_ptr<const TokenDataset> tokens_;
  bool all_;
  int64_t size_;
  std::vector<int64_t> documents_;
  std::vector<int64_t> begins_;  // size_ + 1
};

}  // namespace ropewalk

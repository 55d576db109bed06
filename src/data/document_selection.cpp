#include "ropewalk/data/document_selection.h"

namespace ropewalk {

DocumentSelection::DocumentSelection(std::shared_ptr<const TokenDataset> tokens)
    : DocumentSelection(tokens, tokens->all_documents()) {}

DocumentSelection::DocumentSelection(std::shared_ptr<const TokenDataset> tokens,
                                     DocumentRange documents,
                                     LengthRange lengths)
    : tokens_(std::move(tokens)),
      range_(documents),
      first_token_(tokens_->token_begin(documents.begin)),
      all_(lengths.min_tokens <= 0 && lengths.max_tokens == LengthRange{}.max_tokens),
      has_targets_(tokens_->has_targets(documents)),
      size_(documents.end - documents.begin) {
  if (all_) return;
  begins_.push_back(0);
  for (int64_t document = range_.begin; document < range_.end; ++document) {
    const int64_t length = tokens_->document_length(document);
    if (!lengths.holds(length)) continue;
    chosen_.push_back(document);
    begins_.push_back(begins_.back() + length);
  }
  size_ = static_cast<int64_t>(chosen_.size());
}

bool DocumentSelection::end_is_trained(int64_t i) const {
  uint8_t trained = 1;
  read_targets(i, length(i) - 1, std::span(&trained, 1));
  return trained != 0;
}

}  // namespace ropewalk

#include "ropewalk/data/document_selection.h"

namespace ropewalk {

DocumentSelection::DocumentSelection(std::shared_ptr<const TokenDataset> tokens, LengthRange range)
    : tokens_(std::move(tokens)),
      all_(range.min_tokens <= 0 && range.max_tokens == LengthRange{}.max_tokens),
      size_(tokens_->num_documents()) {
  if (all_) return;
  begins_.push_back(0);
  for (int64_t document = 0; document < tokens_->num_documents(); ++document) {
    const int64_t length = tokens_->document_length(document);
    if (!range.holds(length)) continue;
    documents_.push_back(document);
    begins_.push_back(begins_.back() + length);
  }
  size_ = static_cast<int64_t>(documents_.size());
}

}  // namespace ropewalk

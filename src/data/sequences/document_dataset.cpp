#include "data/sequences/document_pieces.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/data/sequence_dataset.h"

namespace ropewalk {
namespace {

class DocumentDataset final : public SequenceDataset {
 public:
  DocumentDataset(const DocumentSelection& documents, const SequenceOptions& options)
      : pieces_(documents, options), all_(pieces_.all()), length_(options.sequence_length) {}

  int64_t size() const override { return static_cast<int64_t>(all_.size()); }
  int64_t length() const override { return length_; }

  void read(int64_t index, const SequenceRow& row) const override {
    ROPEWALK_CHECK(index >= 0 && index < size(), "sequence out of range");
    const Piece piece = all_[index];
    const int64_t filled = pieces_.size(piece);
    pieces_.read(piece, row.inputs.first(filled), row.targets.first(filled));
    row.document_lengths.push_back(filled);
    pieces_.pad(filled, row);
  }

 private:
  DocumentPieces pieces_;
  std::vector<Piece> all_;
  int64_t length_;
};

}  // namespace

std::unique_ptr<SequenceDataset> make_document_dataset(const DocumentSelection& documents,
                                                       const SequenceOptions& options) {
  return std::make_unique<DocumentDataset>(documents, options);
}

}  // namespace ropewalk

#include <algorithm>
#include <limits>
#include <numeric>

#include "data/sequences/document_pieces.h"
#include "data/sequences/first_fit.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/data/sequence_dataset.h"

namespace ropewalk {
namespace {

class PackedDataset final : public SequenceDataset {
 public:
  PackedDataset(const DocumentSelection& documents, const SequenceOptions& options)
      : pieces_(documents, options), length_(options.sequence_length) {
    const std::vector<Piece> all = pieces_.all();
    ROPEWALK_CHECK(length_ <= std::numeric_limits<int32_t>::max(), "a row of 2^31 tokens");
    std::vector<int32_t> sizes;
    sizes.reserve(all.size());
    for (const Piece piece : all) sizes.push_back(static_cast<int32_t>(pieces_.size(piece)));
    group(all, first_fit(sizes, static_cast<int32_t>(length_)));
  }

  int64_t size() const override { return static_cast<int64_t>(row_begins_.size()) - 1; }
  int64_t length() const override { return length_; }

  void read(int64_t index, const SequenceRow& row) const override {
    ROPEWALK_CHECK(index >= 0 && index < size(), "sequence out of range");
    int64_t filled = 0;
    for (uint64_t i = row_begins_[index]; i < row_begins_[index + 1]; ++i) {
      const int64_t size = pieces_.size(by_row_[i]);
      pieces_.read(by_row_[i], row.inputs.subspan(filled, size), row.targets.subspan(filled, size));
      row.document_lengths.push_back(size);
      filled += size;
    }
    pieces_.pad(filled, row);
  }

 private:
  // Pieces by row, within a row in their order.
  void group(const std::vector<Piece>& all, const std::vector<uint32_t>& rows) {
    const uint32_t num_rows = 1 + *std::ranges::max_element(rows);
    row_begins_.assign(num_rows + size_t{1}, 0);
    for (const uint32_t row : rows) ++row_begins_[row + size_t{1}];
    std::partial_sum(row_begins_.begin(), row_begins_.end(), row_begins_.begin());
    std::vector<uint64_t> next(row_begins_.begin(), row_begins_.end() - 1);
    by_row_.resize(all.size());
    for (size_t i = 0; i < all.size(); ++i) by_row_[next[rows[i]]++] = all[i];
  }

  DocumentPieces pieces_;
  int64_t length_;
  std::vector<Piece> by_row_;
  std::vector<uint64_t> row_begins_;  // number of rows + 1
};

}  // namespace

std::unique_ptr<SequenceDataset> make_packed_dataset(const DocumentSelection& documents,
                                                     const SequenceOptions& options) {
  return std::make_unique<PackedDataset>(documents, options);
}

}  // namespace ropewalk

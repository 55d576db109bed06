// Batches of documents on their way through `prepare`: read on one thread, tokenized on several.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "data/prepare/state.h"
#include "ropewalk/data/document_encoder.h"

namespace ropewalk {

// Which part a document belongs to: 0 = train (or all), 1 = validation. By its bytes alone; see
// docs/file_formats.md, dataset.json.
struct SplitRule {
  double validation_fraction = 0;
  uint64_t seed = 0;

  size_t part_of(std::string_view text) const;
};

struct BatchItem {
  RawDocument raw;  // empty once encoded
  std::optional<BadLine> bad;
  size_t part = 0;
  bool is_done = false;  // the part's finished shards hold it: not encoded
  int64_t text_bytes = 0;
  EncodedDocument encoded;
};

struct DocumentBatch {
  InputPosition first;
  std::vector<BatchItem> items;  // one after another in one input
  uint64_t text_bytes = 0;       // of all items, as stored in the raw documents
  uint64_t stored_bytes = 0;     // of all inputs, read so far: for progress

  // What it takes as read; an item weighs more than a short line.
  uint64_t memory_bytes() const { return text_bytes + items.size() * sizeof(BatchItem); }
};

class BatchReader {
 public:
  // Begins at `start`. The list outlives the reader.
  BatchReader(const InputList& inputs, const TextReaderOptions& options, InputPosition start);
  // Null at the end.
  std::unique_ptr<DocumentBatch> next();

 private:
  void open_input();
  bool fill(DocumentBatch& batch);

  const InputList& inputs_;
  TextReaderOptions options_;
  InputPosition at_;
  std::optional<TextReader> reader_;
  uint64_t stored_bytes_before_ = 0;  // of the inputs before this one
};

struct EncodeJob {
  const DocumentEncoder* encoder = nullptr;
  TextReaderOptions text;
  SplitRule split;
  std::vector<InputPosition> part_begins;  // what lies before is in the part's shards already
};

// May run on several threads at once, on different batches.
void encode_batch(const EncodeJob& job, DocumentBatch& batch);

}  // namespace ropewalk

#include "data/prepare/document_batch.h"

#include <array>
#include <span>
#include <string>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"

namespace ropewalk {
namespace {

// Large enough that handing over costs nothing, small enough that no worker waits long at the end.
constexpr uint64_t kBatchBytes = uint64_t{1} << 20;
constexpr size_t kBatchItems = 4096;

void encode_item(const EncodeJob& job, InputPosition position, BatchItem& item) {
  Document document;
  item.bad = parse_document(job.text, item.raw, document);
  std::string().swap(item.raw.bytes);
  if (item.bad) return;
  item.text_bytes = static_cast<int64_t>(document.text.size());
  item.part = job.split.part_of(document.text);
  item.is_done = position < job.part_begins[item.part];
  if (item.is_done) return;
  try {
    job.encoder->encode(document, item.encoded);
  } catch (const DataError& error) {
    item.bad = BadLine{document.line, error.what()};
  }
}

}  // namespace

size_t SplitRule::part_of(std::string_view text) const {
  if (validation_fraction <= 0) return 0;
  std::array<std::byte, 8> seed_bytes;
  for (size_t i = 0; i < seed_bytes.size(); ++i) seed_bytes[i] = std::byte(seed >> (8 * i) & 0xff);
  StreamHash hash;
  hash.update(seed_bytes);
  hash.update(std::as_bytes(std::span(text.data(), text.size())));
  // 53 bits, which a double holds exactly.
  const uint64_t leading = std::stoull(hash.hex().substr(0, 16), nullptr, 16) >> 11;
  return static_cast<double>(leading) * 0x1p-53 < validation_fraction ? 1 : 0;
}

BatchReader::BatchReader(const InputList& inputs,
                         const TextReaderOptions& options,
                         InputPosition start)
    : inputs_(inputs), options_(options), at_(start) {
  for (int64_t i = 0; i < start.input; ++i) stored_bytes_before_ += inputs.files[i].size_bytes;
}

std::unique_ptr<DocumentBatch> BatchReader::next() {
  auto batch = std::make_unique<DocumentBatch>();
  while (at_.input < static_cast<int64_t>(inputs_.files.size())) {
    const InputFile& file = inputs_.files[at_.input];
    if (!reader_) open_input();
    batch->first = at_;
    const bool more = fill(*batch);
    batch->stored_bytes = stored_bytes_before_ + reader_->bytes_read();
    at_.document += static_cast<int64_t>(batch->items.size());
    if (!more) {
      check_unchanged(file);
      stored_bytes_before_ += reader_->bytes_read();
      reader_.reset();
      at_ = {at_.input + 1, 0};
    }
    if (!batch->items.empty()) return batch;
  }
  return nullptr;
}

void BatchReader::open_input() {
  reader_.emplace(inputs_.files[at_.input].path, options_);
  RawDocument skipped;
  for (int64_t i = 0; i < at_.document; ++i) {
    // The file is the same, by its size and time: its lines are too.
    if (!reader_->next_raw(skipped)) break;
  }
}

// False at the end of the input.
bool BatchReader::fill(DocumentBatch& batch) {
  while (batch.text_bytes < kBatchBytes && batch.items.size() < kBatchItems) {
    BatchItem item;
    if (!reader_->next_raw(item.raw)) return false;
    batch.text_bytes += item.raw.bytes.size();
    batch.items.push_back(std::move(item));
  }
  return true;
}

void encode_batch(const EncodeJob& job, DocumentBatch& batch) {
  InputPosition position = batch.first;
  for (BatchItem& item : batch.items) {
    encode_item(job, position, item);
    ++position.document;
  }
}

}  // namespace ropewalk

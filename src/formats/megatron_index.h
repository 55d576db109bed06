// Megatron-LM's `.idx`: which ids of the `.bin` are a document. Layout and rules:
// docs/file_formats.md. Private to formats.
#pragma once

#include <cstdint>

#include "formats/mapped_ids.h"
#include "ropewalk/base/diagnostics.h"

namespace ropewalk {

// A run of ids in the `.bin`.
struct IdRange {
  int64_t begin = 0;
  int64_t size = 0;
};

class MegatronIndex {
 public:
  // DataError lists all faults.
  MegatronIndex(const std::filesystem::path& path, uint64_t bin_bytes);

  IdType id_type() const { return id_type_; }
  int64_t num_documents() const { return num_entries_ - 1; }
  IdRange document(int64_t document) const;
  std::span<const std::byte> bytes() const { return file_.bytes(); }

 private:
  void read_header(Diagnostics& faults);
  void check_counts(uint64_t num_sequences, uint64_t num_entries, Diagnostics& faults) const;
  void check_sequences(uint64_t bin_bytes, Diagnostics& faults) const;
  void check_documents(Diagnostics& faults) const;
  void check_gaps(Diagnostics& faults) const;

  int64_t length(int64_t sequence) const;   // ids
  int64_t pointer(int64_t sequence) const;  // bytes
  int64_t entry(int64_t index) const;       // of the document list
  int64_t width() const { return id_bytes(id_type_); }

  MappedFile file_;
  IdType id_type_ = IdType::kU16;
  int64_t num_sequences_ = 0;
  int64_t num_entries_ = 0;
};

}  // namespace ropewalk

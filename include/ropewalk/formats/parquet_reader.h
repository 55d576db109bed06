// Documents out of one text column of a .parquet file, one row = one document. Rows are decoded
// page by page, so memory is that of a page and a dictionary, whatever a row group holds.
//
// Only in builds with ROPEWALK_PARQUET; in others opening a file is refused with the way to build
// it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "ropewalk/formats/text_reader.h"

namespace ropewalk {

// Whether the name ends in .parquet.
bool is_parquet_input(const std::filesystem::path& path);
// Whether this build reads such files.
bool parquet_is_built();

struct ParquetRow {
  std::string text;   // valid UTF-8; empty where there is a fault
  int64_t row = 0;    // 1-based in the file
  std::string fault;  // why there is no document in this row: null, no UTF-8, too long
};

// One file. Not thread-safe.
class ParquetReader {
 public:
  // options.text_field names the column: a field, or with dots one inside of structs. A top-level
  // field whose own name holds the dots wins. DataError for a file that is no whole Parquet file,
  // for a column that is not there (the texts that are, are listed), is no text or lies in a list.
  explicit ParquetReader(const std::filesystem::path& path, const TextReaderOptions& options = {});
  ~ParquetReader();
  ParquetReader(ParquetReader&&) noexcept;

  // False at the end. A row with a fault is returned; what cannot be decoded is a DataError.
  bool next_row(ParquetRow& row);

  // The share of the file that the rows read so far make up: for progress against its size.
  uint64_t bytes_read() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ropewalk

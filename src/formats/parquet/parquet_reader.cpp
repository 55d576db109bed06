#include "ropewalk/formats/parquet_reader.h"

#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>

#include <algorithm>
#include <array>
#include <new>

#include "formats/parquet/parquet_column.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/base/utf8.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBatchRows = 64;
constexpr int64_t kStreamBytes = int64_t{1} << 20;
// A page's sizes are the file's own words: more than this beside one whole document is refused.
constexpr int64_t kDecoderBytes = int64_t{256} << 20;

std::unique_ptr<parquet::ParquetFileReader> open_file(const fs::path& path,
                                                      arrow::MemoryPool* pool) {
  parquet::ReaderProperties properties(pool);
  // Otherwise a column's bytes of a whole row group are read at once.
  properties.enable_buffered_stream();
  properties.set_buffer_size(kStreamBytes);
  properties.set_page_checksum_verification(true);
  auto file = arrow::io::ReadableFile::Open(path.string(), pool);
  if (!file.ok()) throw DataError(path.string() + ": " + file.status().message());
  return parquet::ParquetFileReader::Open(*file, properties);
}

}  // namespace

bool is_parquet_input(const fs::path& path) { return path.extension() == ".parquet"; }

bool parquet_is_built() { return true; }

struct ParquetReader::State {
  State(const fs::path& file_path, const TextReaderOptions& options)
      : path(file_path.string()),
        field(options.text_field),
        max_document_bytes(options.max_document_bytes),
        pool(arrow::default_memory_pool(),
             static_cast<int64_t>(options.max_document_bytes) + kDecoderBytes) {
    std::error_code error;
    if (!fs::is_regular_file(file_path, error)) throw DataError(path + ": no such file");
    size_bytes = fs::file_size(file_path);
    guarded("file", [&] {
      file = open_file(file_path, &pool);
      column = find_text_column(*file->metadata()->schema(), field, path);
      num_rows = file->metadata()->num_rows();
      present_level = file->metadata()->schema()->Column(column)->max_definition_level();
    });
  }

  // What libparquet throws, as an error that names the file.
  template <typename Action>
  void guarded(const std::string& where, Action&& action) {
    try {
      action();
    } catch (const parquet::ParquetException& error) {
      throw DataError(
          path + ": " + where + " cannot be read as Parquet: " + error.what() +
          "; it is damaged, cut short or of a kind that is not supported. Fetch it again, or "
          "convert it to JSON lines");
    } catch (const std::bad_alloc&) {
      throw DataError(
          path + ": " + where +
          " asks for more memory than a document may have; it is damaged, fetch it again");
    }
  }

  bool next_row(ParquetRow& row) {
    while (batch_at == batch_size) {
      if (row_group == file->metadata()->num_row_groups() && !reader) return end_of_file();
      guarded("row group " + std::to_string(row_group + (reader ? 0 : 1)) + " of column '" + field +
                  "'",
              [&] { read_batch(); });
    }
    row.row = ++rows_read;
    row.text.clear();
    row.fault.clear();
    if (levels[static_cast<size_t>(batch_at++)] < present_level) {
      row.fault = "the column holds no text here (null)";
      return true;
    }
    const parquet::ByteArray& value = values[static_cast<size_t>(value_at++)];
    take({reinterpret_cast<const char*>(value.ptr), value.len}, row);
    return true;
  }

  bool end_of_file() const {
    if (rows_read != num_rows) {
      throw DataError(path + ": holds " + std::to_string(rows_read) + " rows, but says " +
                      std::to_string(num_rows) + "; it is damaged, fetch it again");
    }
    return false;
  }

  void take(std::string_view text, ParquetRow& row) const {
    if (text.size() > max_document_bytes) {
      row.fault = "the text is longer than " + format_bytes(max_document_bytes) +
                  ", the most that a document may have (--max-document-bytes)";
    } else if (const size_t bad = first_invalid_utf8(text); bad != text.size()) {
      row.fault = "byte " + std::to_string(bad + 1) + " of the text is not valid UTF-8";
    } else {
      row.text = text;
    }
  }

  // The texts of a batch lie in pages that stay until the next one is asked for.
  void read_batch() {
    if (!reader) {
      group = file->RowGroup(row_group++);
      column_reader = group->Column(column);
      reader = dynamic_cast<parquet::ByteArrayReader*>(column_reader.get());
      ROPEWALK_CHECK(reader != nullptr, "the column was checked to be a byte array");
      rows_left = group->metadata()->num_rows();
    }
    batch_at = value_at = batch_size = 0;
    if (!reader->HasNext()) {
      if (rows_left != 0) {
        throw parquet::ParquetException(std::to_string(rows_left) + " of its rows are missing");
      }
      reader = nullptr;
      return;
    }
    int64_t num_values = 0;
    // A column without nulls has no levels: all rows are there.
    levels.fill(present_level);
    batch_size = reader->ReadBatch(kBatchRows, levels.data(), nullptr, values.data(), &num_values);
    const auto present = std::count(levels.begin(), levels.begin() + batch_size, present_level);
    if (present != num_values) {
      throw parquet::ParquetException("a page holds " + std::to_string(num_values) +
                                      " texts, expected " + std::to_string(present));
    }
    rows_left -= batch_size;
  }

  std::string path;
  std::string field;
  uint64_t max_document_bytes;
  uint64_t size_bytes = 0;
  arrow::CappedMemoryPool pool;
  std::unique_ptr<parquet::ParquetFileReader> file;
  int column = 0;
  int16_t present_level = 0;
  int64_t num_rows = 0;
  int64_t rows_read = 0;

  int row_group = 0;  // the next one
  std::shared_ptr<parquet::RowGroupReader> group;
  std::shared_ptr<parquet::ColumnReader> column_reader;
  parquet::ByteArrayReader* reader = nullptr;  // of column_reader
  int64_t rows_left = 0;                       // of the group, behind the batch

  std::array<int16_t, kBatchRows> levels{};
  std::array<parquet::ByteArray, kBatchRows> values{};
  int64_t batch_at = 0;
  int64_t value_at = 0;
  int64_t batch_size = 0;
};

ParquetReader::ParquetReader(const fs::path& path, const TextReaderOptions& options)
    : state_(std::make_unique<State>(path, options)) {}
ParquetReader::~ParquetReader() = default;
ParquetReader::ParquetReader(ParquetReader&&) noexcept = default;

bool ParquetReader::next_row(ParquetRow& row) { return state_->next_row(row); }

uint64_t ParquetReader::bytes_read() const {
  if (state_->num_rows == 0) return state_->size_bytes;
  const double share = double(state_->rows_read) / double(state_->num_rows);
  return static_cast<uint64_t>(share * double(state_->size_bytes));
}

}  // namespace ropewalk

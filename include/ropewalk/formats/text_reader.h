// Documents out of text files, streaming: .txt (one file = ONE document) and .jsonl (one line = one
// document), each plain, .gz or .zst, .parquet (one row = one document), and standard input. Rules:
// docs/file_formats.md, Text input.
//
// A bad line (or a bad text file) is one that holds no document; the rest of the file is still of
// use. Compressed data that is damaged is a DataError instead.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace ropewalk {

enum class TextKind { kText, kJsonLines };

inline constexpr const char* kStandardInput = "-";

struct TextReaderOptions {
  std::string text_field = "text";  // dots and [i] lead inside: "meta.body.text", "parts[0].text"
  // Document::text is the JSON line itself, checked to be an object; text_field is not used.
  bool whole_line = false;
  // Memory is bounded by these whatever a file unpacks to; what is longer is a bad line.
  uint64_t max_line_bytes = 64ull << 20;        // one JSONL line
  uint64_t max_document_bytes = 1024ull << 20;  // one text file, unpacked
  // Of standard input (unset: JSON lines) and of files whose ending says nothing (unset:
  // DataError).
  std::optional<TextKind> kind_if_unknown;
  // Asked now and then while reading, standard input without data included; true ends the reading
  // with an Error. May be empty.
  std::function<bool()> stopped;
};

struct Document {
  std::string text;  // valid UTF-8, exactly the bytes of the file (no BOM or newline handling)
  int64_t line = 0;  // 1-based; 1 for a text file
};

struct BadLine {
  int64_t line = 0;    // 1-based; of a text file, where its fault is
  std::string reason;  // printable
};

// A document as it is stored: a text, or a JSON line.
struct RawDocument {
  TextKind kind = TextKind::kText;
  std::string bytes;
  int64_t line = 0;
  std::optional<BadLine> bad;  // too long: `bytes` is empty then
};

// The ending's kind (.txt, .text, .md; .jsonl, .ndjson, .json; then .gz or .zst). A row of a
// .parquet file is a text.
std::optional<TextKind> text_kind_of(const std::filesystem::path& path);

// Why there is no document in `raw`; none when `document` holds it. Takes raw's bytes. May run on
// several threads at once, which is why reading and parsing are two steps.
std::optional<BadLine> parse_document(const TextReaderOptions& options,
                                      RawDocument& raw,
                                      Document& document);

// One file. Not thread-safe.
class TextReader {
 public:
  // `path` may be kStandardInput. DataError for a missing file or an unknown ending.
  explicit TextReader(const std::filesystem::path& path, TextReaderOptions options = {});
  ~TextReader();
  TextReader(TextReader&&) noexcept;

  // False at the end. Blank JSONL lines are skipped. DataError names the file when compressed data
  // is damaged or out of proportion.
  bool next_raw(RawDocument& raw);
  // Both steps; a bad line is a DataError "file:line: reason".
  bool next(Document& document);

  TextKind kind() const;
  uint64_t bytes_read() const;  // of the file as stored: for progress against its size

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ropewalk

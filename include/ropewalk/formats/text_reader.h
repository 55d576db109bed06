// Documents out of text files, streaming: .txt (one file = ONE document) and .jsonl (one line = one
// document, field `text`), each plain, .gz or .zst. Faults are DataErrors that name file:line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace ropewalk {

struct TextReaderOptions {
  std::string text_field = "text";
  // Memory is bounded by these whatever a file unpacks to; more is an error.
  uint64_t max_line_bytes = 64ull << 20;        // one JSONL line
  uint64_t max_document_bytes = 1024ull << 20;  // one text file, unpacked
};

struct Document {
  std::string text;  // valid UTF-8, exactly the bytes of the file (no BOM or newline handling)
  int64_t line = 0;  // 1-based; 1 for a text file
};

enum class TextKind { kText, kJsonLines };

// Whether the name ends in .txt, .text, .md, .jsonl, .ndjson (or .json: JSONL), then .gz or .zst.
bool is_text_input(const std::filesystem::path& path);

// One file. Not thread-safe.
class TextReader {
 public:
  // DataError for a missing file or an unknown ending.
  explicit TextReader(const std::filesystem::path& path, TextReaderOptions options = {});
  ~TextReader();
  TextReader(TextReader&&) noexcept;

  // False at the end. `document`'s capacity is reused. Blank JSONL lines are skipped.
  bool next(Document& document);

  TextKind kind() const;
  uint64_t bytes_read() const;  // of the file as stored: for progress against its size

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Byte offset of the first invalid sequence, or text.size() when all of it is UTF-8.
size_t first_invalid_utf8(std::string_view text);

}  // namespace ropewalk

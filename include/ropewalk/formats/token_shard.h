// Token shard (.tokens): the ids of whole documents, mapped when read. Layout and rules:
// docs/file_formats.md. Ids are 2 bytes wide when vocab_size <= 65536, else 4.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ropewalk/base/files.h"
#include "ropewalk/base/hash.h"

namespace ropewalk {

inline constexpr const char* kTokenShardExtension = ".tokens";

struct TokenShardInfo {
  int64_t vocab_size = 0;
  std::string tokenizer_hash;  // 32 hex digits, Tokenizer::hash()
  int token_bytes = 0;         // 2 or 4
  int64_t num_tokens = 0;
  int64_t num_documents = 0;
  std::string payload_hash;  // identity of the content, 32 hex digits
};

// Opening checks the header (own checksum, version, sizes against the file) and the document table;
// DataError lists all faults. Const use from several threads is safe.
class TokenShardReader {
 public:
  explicit TokenShardReader(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  const TokenShardInfo& info() const { return info_; }
  int64_t num_tokens() const { return info_.num_tokens; }
  int64_t num_documents() const { return info_.num_documents; }

  // Token index where document i begins; entry num_documents() is num_tokens(). Never decreasing.
  std::span<const uint64_t> document_offsets() const { return offsets_; }
  int64_t document_length(int64_t document) const;

  int64_t token(int64_t index) const;
  // Widens tokens [begin, begin + out.size()).
  void copy_tokens(int64_t begin, std::span<int64_t> out) const;
  void copy_tokens(int64_t begin, std::span<int32_t> out) const;

  // Reads everything: payload checksum, and every id below vocab_size. Throws DataError.
  void verify() const;

 private:
  template <typename T>
  void copy(int64_t begin, std::span<T> out) const;

  MappedFile file_;
  TokenShardInfo info_;
  const std::byte* tokens_ = nullptr;
  std::span<const uint64_t> offsets_;
};

// Streams to a temporary sibling; `close` publishes atomically. An unclosed writer removes its
// temporary file. Memory: 8 bytes per document.
class TokenShardWriter {
 public:
  TokenShardWriter(const std::filesystem::path& path,
                   int64_t vocab_size,
                   const std::string& tokenizer_hash);
  ~TokenShardWriter();
  TokenShardWriter(const TokenShardWriter&) = delete;
  TokenShardWriter& operator=(const TokenShardWriter&) = delete;

  // An id outside [0, vocab_size) is a DataError. Empty documents are kept.
  void add_document(std::span<const int32_t> ids);
  int64_t num_tokens() const { return info_.num_tokens; }
  int64_t num_documents() const { return info_.num_documents; }
  TokenShardInfo close();

 private:
  void append(std::span<const std::byte> bytes);
  void flush();

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::unique_ptr<FileWriter> file_;
  StreamHash payload_hash_;
  TokenShardInfo info_;
  std::vector<uint64_t> offsets_{0};
  std::vector<std::byte> buffer_;
};

}  // namespace ropewalk

// Token shard (.tokens): the ids of whole documents, and which of them are trained on. Layout and
// rules: docs/file_formats.md. Ids are 2 bytes wide when vocab_size <= 65536, else 4.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ropewalk/base/files.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/formats/token_store.h"

namespace ropewalk {

inline constexpr const char* kTokenShardExtension = ".tokens";

struct TokenShardInfo {
  int64_t vocab_size = 0;
  std::string tokenizer_hash;  // 32 hex digits, Tokenizer::hash()
  int token_bytes = 0;         // 2 or 4
  int64_t num_tokens = 0;
  int64_t num_documents = 0;
  bool has_targets = false;  // written as version 2
  std::string payload_hash;  // identity of the content, 32 hex digits
};

// Opening checks the header (own checksum, version, sizes against the file) and the document table;
// DataError lists all faults. Const use from several threads is safe.
class TokenShardReader : public TokenStore {
 public:
  explicit TokenShardReader(const std::filesystem::path& path);

  const TokenShardInfo& info() const { return info_; }
  const std::filesystem::path& path() const override { return file_.path(); }
  std::string_view format() const override { return "ropewalk"; }
  int token_bytes() const override { return info_.token_bytes; }
  std::span<const uint64_t> document_offsets() const override { return offsets_; }
  bool has_targets() const override { return info_.has_targets; }
  const std::string& content_hash() const override { return info_.payload_hash; }
  std::optional<int64_t> vocab_size() const override { return info_.vocab_size; }
  std::optional<std::string> tokenizer_hash() const override { return info_.tokenizer_hash; }

  // Payload checksum, and every id below vocab_size.
  void verify() const override;

 private:
  void read_tokens(int64_t begin, std::span<int64_t> out) const override { read(begin, out); }
  void read_tokens(int64_t begin, std::span<int32_t> out) const override { read(begin, out); }
  void read_targets(int64_t begin, std::span<uint8_t> out) const override;
  template <typename T>
  void read(int64_t begin, std::span<T> out) const;

  MappedFile file_;
  TokenShardInfo info_;
  std::span<const uint64_t> offsets_;
};

// Streams to a temporary sibling; `close` publishes atomically. An unclosed writer removes its
// temporary file. Memory: 8 bytes per document, and a bit per token if there are targets.
class TokenShardWriter {
 public:
  TokenShardWriter(const std::filesystem::path& path,
                   int64_t vocab_size,
                   const std::string& tokenizer_hash);
  ~TokenShardWriter();
  TokenShardWriter(const TokenShardWriter&) = delete;
  TokenShardWriter& operator=(const TokenShardWriter&) = delete;

  // An id outside [0, vocab_size) is a DataError. Empty documents are kept. `trained` has a byte
  // for each id, 0 = predicting it is not trained on; empty = all are. The shard has targets as
  // soon as one document is given any.
  void add_document(std::span<const int32_t> ids, std::span<const uint8_t> trained = {});
  int64_t num_tokens() const { return info_.num_tokens; }
  int64_t num_documents() const { return info_.num_documents; }
  TokenShardInfo close();

 private:
  void append(std::span<const std::byte> bytes);
  void flush();
  void add_targets(size_t num_ids, std::span<const uint8_t> trained);

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::unique_ptr<FileWriter> file_;
  StreamHash payload_hash_;
  TokenShardInfo info_;
  std::vector<uint64_t> offsets_{0};
  std::vector<std::byte> buffer_;
  std::vector<bool> targets_;  // empty until a document has targets
};

}  // namespace ropewalk

// Documents of token ids in one file, mapped and read in place: our own shards and the files of
// other tools. Formats and rules: docs/file_formats.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ropewalk {

// Tokens are numbered over the documents, one after another; separators of the file are not
// counted. Const use from several threads is safe.
class TokenStore {
 public:
  virtual ~TokenStore() = default;

  virtual const std::filesystem::path& path() const = 0;
  virtual std::string_view format() const = 0;  // "ropewalk", "nanogpt", "llm.c", "megatron"
  virtual int token_bytes() const = 0;          // width of a stored id

  // Token index where document i begins; entry num_documents() is num_tokens(). Never decreasing.
  virtual std::span<const uint64_t> document_offsets() const = 0;
  int64_t num_tokens() const { return static_cast<int64_t>(document_offsets().back()); }
  int64_t num_documents() const { return static_cast<int64_t>(document_offsets().size()) - 1; }
  int64_t document_length(int64_t document) const;

  // Tokens [begin, begin + out.size()). An id that is negative, or not below the vocabulary size
  // as far as one is known, is a DataError with file and token.
  void copy_tokens(int64_t begin, std::span<int64_t> out) const;
  void copy_tokens(int64_t begin, std::span<int32_t> out) const;
  int64_t token(int64_t index) const;

  // One byte per token: 1 = predicting it is trained on, 0 = it is not. All 1 without targets.
  virtual bool has_targets() const { return false; }
  void copy_targets(int64_t begin, std::span<uint8_t> out) const;

  // 32 hex digits. Of a shard: the hash of its whole payload, as its header states it. Of another
  // file: of its size, its index, samples of its bytes and what separates its documents.
  virtual const std::string& content_hash() const = 0;
  // What the file itself says; files of other tools say neither.
  virtual std::optional<int64_t> vocab_size() const { return std::nullopt; }
  virtual std::optional<std::string> tokenizer_hash() const { return std::nullopt; }

  // Reads everything: checksums where there are any, and every id. Throws DataError.
  virtual void verify() const = 0;

 protected:
  // The range is within the store.
  virtual void read_tokens(int64_t begin, std::span<int64_t> out) const = 0;
  virtual void read_tokens(int64_t begin, std::span<int32_t> out) const = 0;
  virtual void read_targets(int64_t begin, std::span<uint8_t> out) const;

 private:
  void check_range(int64_t begin, size_t size) const;
};

// For files of other tools; shards need neither.
struct TokenFileOptions {
  std::optional<int32_t> eos_id;  // separates documents, and is no part of them
  int64_t vocab_size = 0;         // of the model; ids are compared when read. 0: not known
};

// A `.tokens` shard, a `.bin` of nanoGPT or llm.c, or Megatron's `.bin` and `.idx` by either name.
// Whatever has another name is taken for a shard. DataError lists all faults.
std::unique_ptr<TokenStore> open_token_file(const std::filesystem::path& path,
                                            const TokenFileOptions& options = {});

// By the name alone: `.tokens`, `.bin`, `.idx`.
bool has_token_file_name(const std::filesystem::path& path);
// The path itself if it exists, else Megatron's index when `path` is its name without the ending.
std::optional<std::filesystem::path> find_token_file(const std::filesystem::path& path);
// In the order of their names. A `.bin` with an `.idx` beside it stands once, as the `.idx`.
std::vector<std::filesystem::path> token_files_in(const std::filesystem::path& folder);

}  // namespace ropewalk

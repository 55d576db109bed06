// The documents of token shards and of other tools' token files, in order, as one mapped read-only
// list. Formats: docs/file_formats.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/formats/token_store.h"

namespace ropewalk {

struct TokenDatasetOptions {
  std::string tokenizer_hash;  // Tokenizer::hash() of the model's tokenizer; empty: not compared
  int64_t vocab_size = 0;      // rows of the model's embedding; 0: not compared
  // Separates the documents of other tools' files, and is left out of them; shards have none.
  std::optional<int32_t> eos_id = std::nullopt;
};

struct DocumentRange {
  int64_t begin = 0;
  int64_t end = 0;  // not included
};

// Const use from several threads is safe.
class TokenDataset {
 public:
  // Each path is a token file (a shard, a `.bin`, Megatron's pair by any of its names) or a folder
  // of such files. Shards that are missing or others than the folder's dataset.json says, made with
  // different tokenizers, with another one than expected, or with ids beyond vocab_size, files that
  // break their format, a folder with training and validation files: DataError naming all. Ids of
  // other tools' files are compared with vocab_size when they are read.
  static std::shared_ptr<const TokenDataset> open(const std::vector<std::filesystem::path>& paths,
                                                  const TokenDatasetOptions& options = {});

  int64_t num_documents() const { return document_bases_.back(); }
  int64_t num_tokens() const { return token_bases_.back(); }
  DocumentRange all_documents() const { return {0, num_documents()}; }
  // Of the index-th of the paths given to open().
  DocumentRange documents_of(size_t path) const { return by_path_.at(path); }
  // Of the first file that names one; empty when none does.
  std::string tokenizer_hash() const;
  // Identity of the content and its order (of files' content hashes); for the trainer's state.
  const std::string& hash() const { return hash_; }

  int64_t document_length(int64_t document) const;
  // Tokens of all documents before this one, which may be num_documents().
  int64_t token_begin(int64_t document) const;
  // Tokens [begin, begin + out.size()) of one document. An id beyond the shard's vocabulary, which
  // opening does not look for, is a DataError.
  void read(int64_t document, int64_t begin, std::span<int64_t> out) const;
  std::vector<int64_t> document(int64_t document) const;

  // Whether a file of these documents says which tokens are trained on; in those that do not, all
  // are.
  bool has_targets(DocumentRange documents) const;
  // One byte per token of [begin, begin + out.size()) of one document: 1 = trained on, 0 = not.
  void read_targets(int64_t document, int64_t begin, std::span<uint8_t> out) const;

  int64_t num_shards() const { return static_cast<int64_t>(shards_.size()); }
  const TokenStore& shard(int64_t index) const { return *shards_[index]; }

 private:
  using Stores = std::vector<std::unique_ptr<TokenStore>>;
  TokenDataset() = default;
  void add(Stores shards);
  void check(const TokenDatasetOptions& options, Diagnostics& faults) const;
  struct Place {
    const TokenStore& shard;
    int64_t token;  // of the shard
  };
  int64_t shard_of_document(int64_t document) const;
  // Where token `begin` of the document is, after checking that `size` follow.
  Place place(int64_t document, int64_t begin, size_t size) const;

  Stores shards_;
  std::vector<int64_t> document_bases_{0};  // documents before shard i; last entry = all
  std::vector<int64_t> token_bases_{0};     // tokens before shard i; last entry = all
  std::vector<DocumentRange> by_path_;
  std::string hash_;
};

}  // namespace ropewalk

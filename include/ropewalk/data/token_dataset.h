// The documents of one or more folders of token shards, in order, as one mapped read-only list.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/formats/token_shard.h"

namespace ropewalk {

struct TokenDatasetOptions {
  std::string tokenizer_hash;  // Tokenizer::hash() of the model's tokenizer; empty: not compared
  int64_t vocab_size = 0;      // rows of the model's embedding; 0: not compared
};

// Const use from several threads is safe.
class TokenDataset {
 public:
  // Each path is a folder made by `ropewalk prepare` or one shard. Shards that are missing or
  // others than the folder's dataset.json says, made with different tokenizers, with another one
  // than expected, or with ids beyond vocab_size: DataError naming all.
  static std::shared_ptr<const TokenDataset> open(const std::vector<std::filesystem::path>& paths,
                                                  const TokenDatasetOptions& options = {});

  int64_t num_documents() const { return document_bases_.back(); }
  int64_t num_tokens() const { return token_bases_.back(); }
  const std::string& tokenizer_hash() const;
  // Identity of the content and its order (of shards' payload hashes); for the trainer's state.
  const std::string& hash() const { return hash_; }

  int64_t document_length(int64_t document) const;
  // Tokens of all documents before this one, which may be num_documents().
  int64_t token_begin(int64_t document) const;
  // Tokens [begin, begin + out.size()) of one document. An id beyond the shard's vocabulary, which
  // opening does not look for, is a DataError.
  void read(int64_t document, int64_t begin, std::span<int64_t> out) const;
  std::vector<int64_t> document(int64_t document) const;

  int64_t num_shards() const { return static_cast<int64_t>(shards_.size()); }
  const TokenShardReader& shard(int64_t index) const { return shards_[index]; }

 private:
  TokenDataset() = default;
  void add(std::vector<TokenShardReader> shards);
  void check(const TokenDatasetOptions& options, Diagnostics& faults) const;
  int64_t shard_of_document(int64_t document) const;

  std::vector<TokenShardReader> shards_;
  std::vector<int64_t> document_bases_{0};  // documents before shard i; last entry = all
  std::vector<int64_t> token_bases_{0};     // tokens before shard i; last entry = all
  std::string hash_;
};

}  // namespace ropewalk

#include "ropewalk/data/token_dataset.h"

#include <algorithm>

#include "ropewalk/base/collect_faults.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/data/dataset_index.h"

namespace ropewalk {
namespace {

// The shards of a folder in the order of their names, which `prepare` numbers.
std::vector<std::filesystem::path> shards_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> shards;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == kTokenShardExtension) shards.push_back(entry.path());
  }
  std::sort(shards.begin(), shards.end());
  return shards;
}

std::vector<TokenShardReader> open_shards(const std::filesystem::path& path, Diagnostics& faults) {
  if (!std::filesystem::exists(path)) {
    throw DataError(
        path.string() +
        ": not found; expected a folder made by `ropewalk prepare`, or one of its shards");
  }
  const bool is_folder = std::filesystem::is_directory(path);
  std::vector<TokenShardReader> shards;
  for (const auto& file : is_folder ? shards_in(path) : std::vector{path}) {
    collect_faults(faults, "", [&] { shards.emplace_back(file); });
  }
  if (is_folder) check_dataset_index(path, shards, faults);
  if (shards.empty() && faults.ok()) {
    throw DataError(path.string() + ": holds no token shards (*" + kTokenShardExtension +
                    "); make some with `ropewalk prepare`");
  }
  return shards;
}

int64_t largest_id(const TokenShardReader& shard) {
  constexpr int64_t kChunk = 1 << 16;
  std::vector<int32_t> ids(kChunk);
  int64_t largest = -1;
  for (int64_t begin = 0; begin < shard.num_tokens(); begin += kChunk) {
    ids.resize(std::min(kChunk, shard.num_tokens() - begin));
    shard.copy_tokens(begin, ids);
    largest = std::max<int64_t>(largest, *std::max_element(ids.begin(), ids.end()));
  }
  return largest;
}

// Opening a shard does not read its tokens; an id beyond the vocabulary would index past the
// embedding.
void check_ids(const TokenShardReader& shard, std::span<const int64_t> ids) {
  const int64_t limit = shard.info().vocab_size;
  const auto bad = std::ranges::find_if(ids, [&](int64_t id) { return id >= limit; });
  if (bad == ids.end()) return;
  throw DataError(shard.path().string() + ": found the token id " + std::to_string(*bad) +
                  "; expected ids below its vocabulary size " + std::to_string(limit) +
                  "; the file is damaged, prepare it again");
}

}  // namespace

std::shared_ptr<const TokenDataset> TokenDataset::open(
    const std::vector<std::filesystem::path>& paths, const TokenDatasetOptions& options) {
  if (paths.empty()) throw DataError("no data: expected at least one folder of token shards");
  std::shared_ptr<TokenDataset> dataset(new TokenDataset());
  Diagnostics faults;
  for (const std::filesystem::path& path : paths) {
    collect_faults(faults, "", [&] { dataset->add(open_shards(path, faults)); });
  }
  faults.throw_if_errors<DataError>("token shards");
  dataset->check(options, faults);
  faults.throw_if_errors<DataError>("token shards");
  std::string hashes;
  for (const TokenShardReader& shard : dataset->shards_) hashes += shard.info().payload_hash;
  dataset->hash_ = hash_text(hashes);
  return dataset;
}

void TokenDataset::add(std::vector<TokenShardReader> shards) {
  for (TokenShardReader& shard : shards) {
    document_bases_.push_back(document_bases_.back() + shard.num_documents());
    token_bases_.push_back(token_bases_.back() + shard.num_tokens());
    shards_.push_back(std::move(shard));
  }
}

void TokenDataset::check(const TokenDatasetOptions& options, Diagnostics& faults) const {
  const bool given = !options.tokenizer_hash.empty();
  const std::string& expected = given ? options.tokenizer_hash : tokenizer_hash();
  for (const TokenShardReader& shard : shards_) {
    const TokenShardInfo& info = shard.info();
    if (info.tokenizer_hash != expected) {
      faults.error(shard.path().string(),
                   "was made with another tokenizer (hash " + info.tokenizer_hash + ") than " +
                       (given ? "the model's" : shards_[0].path().string()) + " (hash " + expected +
                       "); prepare the text again with the model's tokenizer");
    }
    // The tokenizer may define ids that the model has no row for, as long as no text uses them.
    if (options.vocab_size <= 0 || info.vocab_size <= options.vocab_size) continue;
    if (const int64_t largest = largest_id(shard); largest >= options.vocab_size) {
      faults.error(shard.path().string(),
                   "holds the token id " + std::to_string(largest) +
                       "; expected ids below the model's vocab_size " +
                       std::to_string(options.vocab_size) +
                       "; prepare the text with the model's tokenizer");
    }
  }
}

const std::string& TokenDataset::tokenizer_hash() const { return shards_[0].info().tokenizer_hash; }

int64_t TokenDataset::shard_of_document(int64_t document) const {
  ROPEWALK_CHECK(document >= 0 && document < num_documents(), "document out of range");
  const auto after = std::upper_bound(document_bases_.begin(), document_bases_.end(), document);
  return after - document_bases_.begin() - 1;
}

int64_t TokenDataset::document_length(int64_t document) const {
  const int64_t shard = shard_of_document(document);
  return shards_[shard].document_length(document - document_bases_[shard]);
}

int64_t TokenDataset::token_begin(int64_t document) const {
  if (document == num_documents()) return num_tokens();
  const int64_t shard = shard_of_document(document);
  const auto local = static_cast<size_t>(document - document_bases_[shard]);
  return token_bases_[shard] + static_cast<int64_t>(shards_[shard].document_offsets()[local]);
}

void TokenDataset::read(int64_t document, int64_t begin, std::span<int64_t> out) const {
  const int64_t shard = shard_of_document(document);
  const int64_t local = document - document_bases_[shard];
  const int64_t size = static_cast<int64_t>(out.size());
  ROPEWALK_CHECK(begin >= 0 && begin + size <= shards_[shard].document_length(local),
                 "tokens beyond the document");
  const auto first = static_cast<int64_t>(shards_[shard].document_offsets()[local]);
  shards_[shard].copy_tokens(first + begin, out);
  check_ids(shards_[shard], out);
}

std::vector<int64_t> TokenDataset::document(int64_t document) const {
  std::vector<int64_t> tokens(document_length(document));
  read(document, 0, tokens);
  return tokens;
}

}  // namespace ropewalk

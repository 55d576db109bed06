#include "ropewalk/data/token_dataset.h"

#include <algorithm>

#include "ropewalk/base/collect_faults.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"
#include "ropewalk/data/dataset_index.h"
#include "ropewalk/formats/token_shard.h"

namespace ropewalk {
namespace {

using Stores = std::vector<std::unique_ptr<TokenStore>>;

// Data folders of nanoGPT and llm.c hold both kinds; training on what is to be evaluated would show
// nowhere but in a validation loss that is too good.
void check_one_purpose(const std::vector<std::filesystem::path>& files) {
  std::string training, held_out;
  for (const std::filesystem::path& file : files) {
    const std::string name = file.filename().string();
    if (file.extension() == kTokenShardExtension) continue;
    if (name.find("train") != name.npos) {
      training = file.string();
    } else if (name.find("val") != name.npos || name.find("test") != name.npos) {
      held_out = file.string();
    }
  }
  if (training.empty() || held_out.empty()) return;
  throw DataError(held_out + ": stands in one folder with " + training +
                  ", so the folder names training and validation data at once; expected one kind. "
                  "Name the files instead of the folder");
}

Stores open_folder(const std::filesystem::path& folder,
                   const TokenFileOptions& options,
                   Diagnostics& faults) {
  const std::vector<std::filesystem::path> files = token_files_in(folder);
  Stores stores;
  check_one_purpose(files);
  for (const auto& file : files) {
    collect_faults(faults, "", [&] { stores.push_back(open_token_file(file, options)); });
  }
  check_dataset_index(folder, stores, faults);
  if (stores.empty() && faults.ok()) {
    throw DataError(folder.string() + ": holds no token shards (*" + kTokenShardExtension +
                    ") and no *.bin or *.idx of other tools; make shards with `ropewalk prepare`");
  }
  return stores;
}

Stores open_path(const std::filesystem::path& path,
                 const TokenFileOptions& options,
                 Diagnostics& faults) {
  const std::optional<std::filesystem::path> found = find_token_file(path);
  if (!found) {
    throw DataError(path.string() +
                    ": not found; expected a folder made by `ropewalk prepare`, one of its shards, "
                    "or a token file of another tool (.bin, .idx)");
  }
  if (std::filesystem::is_directory(*found)) return open_folder(*found, options, faults);
  Stores stores;
  stores.push_back(open_token_file(*found, options));
  return stores;
}

// One separator missing everywhere is rather another tokenizer's id than one endless document.
void warn_without_separators(const TokenStore& store, std::optional<int32_t> eos_id) {
  const bool is_flat = store.format() == "nanogpt" || store.format() == "llm.c";
  if (!eos_id || !is_flat || store.num_documents() != 1) return;
  log_warn(store.path().string() + ": holds one document of " + format_count(store.num_tokens()) +
           " tokens: the model's end-of-text id " + std::to_string(*eos_id) +
           " separates nothing in it. Was it made with another tokenizer?");
}

int64_t largest_id(const TokenStore& shard) {
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

}  // namespace

std::shared_ptr<const TokenDataset> TokenDataset::open(
    const std::vector<std::filesystem::path>& paths, const TokenDatasetOptions& options) {
  if (paths.empty()) throw DataError("no data: expected at least one folder of token shards");
  const TokenFileOptions file_options{.eos_id = options.eos_id, .vocab_size = options.vocab_size};
  std::shared_ptr<TokenDataset> dataset(new TokenDataset());
  Diagnostics faults;
  for (const std::filesystem::path& path : paths) {
    const int64_t begin = dataset->num_documents();
    collect_faults(faults, "", [&] { dataset->add(open_path(path, file_options, faults)); });
    dataset->by_path_.push_back({begin, dataset->num_documents()});
  }
  faults.throw_if_errors<DataError>("token shards");
  dataset->check(options, faults);
  for (const auto& shard : dataset->shards_) warn_without_separators(*shard, options.eos_id);
  faults.throw_if_errors<DataError>("token shards");
  std::string hashes;
  for (const auto& shard : dataset->shards_) hashes += shard->content_hash();
  dataset->hash_ = hash_text(hashes);
  return dataset;
}

void TokenDataset::add(Stores shards) {
  for (std::unique_ptr<TokenStore>& shard : shards) {
    document_bases_.push_back(document_bases_.back() + shard->num_documents());
    token_bases_.push_back(token_bases_.back() + shard->num_tokens());
    shards_.push_back(std::move(shard));
  }
}

void TokenDataset::check(const TokenDatasetOptions& options, Diagnostics& faults) const {
  const auto first = std::find_if(shards_.begin(), shards_.end(), [](const auto& shard) {
    return shard->tokenizer_hash().has_value();
  });
  const bool given = !options.tokenizer_hash.empty();
  const std::string expected = given ? options.tokenizer_hash : tokenizer_hash();
  for (const auto& shard : shards_) {
    const std::optional<std::string> hash = shard->tokenizer_hash();
    if (hash && *hash != expected) {
      faults.error(shard->path().string(),
                   "was made with another tokenizer (hash " + *hash + ") than " +
                       (given ? "the model's" : (*first)->path().string()) + " (hash " + expected +
                       "); prepare the text again with the model's tokenizer");
    }
    // The tokenizer may define ids that the model has no row for, as long as no text uses them.
    if (options.vocab_size <= 0 || shard->vocab_size().value_or(0) <= options.vocab_size) continue;
    if (const int64_t largest = largest_id(*shard); largest >= options.vocab_size) {
      faults.error(shard->path().string(),
                   "holds the token id " + std::to_string(largest) +
                       "; expected ids below the model's vocab_size " +
                       std::to_string(options.vocab_size) +
                       "; prepare the text with the model's tokenizer");
    }
  }
}

std::string TokenDataset::tokenizer_hash() const {
  for (const auto& shard : shards_) {
    if (const auto hash = shard->tokenizer_hash()) return *hash;
  }
  return "";
}

bool TokenDataset::has_targets(DocumentRange documents) const {
  for (size_t shard = 0; shard < shards_.size(); ++shard) {
    const bool overlaps =
        document_bases_[shard] < documents.end && documents.begin < document_bases_[shard + 1];
    if (overlaps && shards_[shard]->has_targets()) return true;
  }
  return false;
}

int64_t TokenDataset::shard_of_document(int64_t document) const {
  ROPEWALK_CHECK(document >= 0 && document < num_documents(), "document out of range");
  const auto after = std::upper_bound(document_bases_.begin(), document_bases_.end(), document);
  return after - document_bases_.begin() - 1;
}

int64_t TokenDataset::document_length(int64_t document) const {
  const int64_t shard = shard_of_document(document);
  return shards_[shard]->document_length(document - document_bases_[shard]);
}

TokenDataset::Place TokenDataset::place(int64_t document, int64_t begin, size_t size) const {
  const int64_t index = shard_of_document(document);
  const TokenStore& shard = *shards_[index];
  const auto local = static_cast<size_t>(document - document_bases_[index]);
  const std::span<const uint64_t> offsets = shard.document_offsets();
  const auto length = static_cast<int64_t>(offsets[local + 1] - offsets[local]);
  ROPEWALK_CHECK(begin >= 0 && begin + static_cast<int64_t>(size) <= length,
                 "tokens beyond the document");
  return {shard, static_cast<int64_t>(offsets[local]) + begin};
}

int64_t TokenDataset::token_begin(int64_t document) const {
  if (document == num_documents()) return num_tokens();
  const int64_t shard = shard_of_document(document);
  const auto local = static_cast<size_t>(document - document_bases_[shard]);
  return token_bases_[shard] + static_cast<int64_t>(shards_[shard]->document_offsets()[local]);
}

void TokenDataset::read(int64_t document, int64_t begin, std::span<int64_t> out) const {
  const Place from = place(document, begin, out.size());
  from.shard.copy_tokens(from.token, out);
}

void TokenDataset::read_targets(int64_t document, int64_t begin, std::span<uint8_t> out) const {
  const Place from = place(document, begin, out.size());
  from.shard.copy_targets(from.token, out);
}

std::vector<int64_t> TokenDataset::document(int64_t document) const {
  std::vector<int64_t> tokens(document_length(document));
  read(document, 0, tokens);
  return tokens;
}

}  // namespace ropewalk

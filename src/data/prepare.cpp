#include "ropewalk/data/prepare.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/json.h"
#include "ropewalk/base/signals.h"
#include "ropewalk/data/dataset_index.h"
#include "ropewalk/formats/text_reader.h"
#include "ropewalk/formats/token_shard.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;

void check_inputs(const PrepareOptions& options) {
  Diagnostics diagnostics;
  if (options.inputs.empty()) diagnostics.error("INPUT", "none given; name at least one text file");
  if (options.shard_tokens < 1) diagnostics.error("shard_tokens", "expected at least 1");
  for (const fs::path& input : options.inputs) {
    if (!fs::is_regular_file(input)) {
      diagnostics.error(input.string(), "not found, or no file; name text or JSONL files");
    } else if (!is_text_input(input)) {
      diagnostics.error(
          input.string(),
          "unknown ending; expected .txt, .text, .md, .jsonl, .ndjson or .json, plain "
          "or followed by .gz or .zst; rename the file");
    }
  }
  diagnostics.throw_if_errors<DataError>("prepare");
}

bool was_made_by_prepare(const fs::path& folder) {
  return std::all_of(
      fs::directory_iterator(folder), fs::directory_iterator(), [](const auto& entry) {
        return entry.path().filename() == kDatasetIndexName ||
               entry.path().extension() == kTokenShardExtension;
      });
}

void check_output(const PrepareOptions& options) {
  const fs::path& output = options.output;
  if (output.empty()) throw DataError("--output: empty; name a folder");
  if (!fs::exists(output)) return;
  if (!fs::is_directory(output)) {
    throw DataError(output.string() + ": is a file; expected a folder that does not exist yet");
  }
  if (fs::is_empty(output)) return;
  if (!options.overwrite) {
    throw DataError(output.string() +
                    ": is not empty; name a folder that does not exist yet, or give --overwrite to "
                    "replace shards made before");
  }
  if (!was_made_by_prepare(output)) {
    throw DataError(output.string() +
                    ": holds more than token shards, so --overwrite does not replace it; name "
                    "another folder");
  }
}

// Writes shards into one folder, each closed once it holds enough tokens.
class ShardSet {
 public:
  ShardSet(fs::path folder, const Tokenizer& tokenizer, int64_t shard_tokens)
      : folder_(std::move(folder)), tokenizer_(tokenizer), shard_tokens_(shard_tokens) {}

  void add_document(std::span<const int32_t> ids) {
    if (!writer_) {
      char name[32];
      std::snprintf(name, sizeof(name), "shard-%05zu%s", entries_.size(), kTokenShardExtension);
      name_ = name;
      writer_.emplace(folder_ / name_, tokenizer_.vocab_size(), tokenizer_.hash());
    }
    writer_->add_document(ids);
    if (writer_->num_tokens() >= shard_tokens_) close_shard();
  }

  void close_shard() {
    if (!writer_) return;
    const TokenShardInfo info = writer_->close();
    writer_.reset();
    entries_.push_back({{"file", name_},
                        {"tokens", info.num_tokens},
                        {"documents", info.num_documents},
                        {"hash", info.payload_hash}});
  }

  const Json& entries() const { return entries_; }

 private:
  fs::path folder_;
  const Tokenizer& tokenizer_;
  int64_t shard_tokens_;
  std::string name_;
  std::optional<TokenShardWriter> writer_;
  Json entries_ = Json::array();
};

void check_not_stopped() {
  if (const int signal = stop_signal(); signal != 0) {
    throw Error("prepare: stopped by signal " + std::to_string(signal) +
                    "; nothing was written; start it again",
                kExitFailure);
  }
}

void tokenize_inputs(const PrepareOptions& options,
                     const Tokenizer& tokenizer,
                     ShardSet& shards,
                     PrepareResult& result) {
  TextReaderOptions reader_options;
  reader_options.text_field = options.text_field;
  Document document;
  std::vector<int32_t> ids;
  for (const fs::path& input : options.inputs) {
    TextReader reader(input, reader_options);
    while (reader.next(document)) {
      check_not_stopped();
      ids.clear();
      tokenizer.encode_append(document.text, ids);
      shards.add_document(ids);
      ++result.documents;
      result.tokens += static_cast<int64_t>(ids.size());
      result.text_bytes += static_cast<int64_t>(document.text.size());
      if (options.progress) options.progress(result.documents, result.tokens);
    }
  }
  shards.close_shard();
  result.shards = static_cast<int64_t>(shards.entries().size());
}

Json index_of(const PrepareResult& result, const ShardSet& shards, const Tokenizer& tokenizer) {
  return {{"format", "ropewalk-tokens"},
          {"version", 1},
          {"tokenizer_hash", tokenizer.hash()},
          {"vocab_size", tokenizer.vocab_size()},
          {"documents", result.documents},
          {"tokens", result.tokens},
          {"text_bytes", result.text_bytes},
          {"shards", shards.entries()}};
}

// The old folder, if any, is moved aside first and comes back when publishing fails.
void publish(const fs::path& temporary, const fs::path& output) {
  if (!fs::exists(output)) return publish_directory(temporary, output);
  const fs::path aside = temporary_sibling(output);
  fs::rename(output, aside);
  try {
    publish_directory(temporary, output);
  } catch (const NotDurableError&) {
    throw;
  } catch (...) {
    fs::rename(aside, output);
    throw;
  }
  fs::remove_all(aside);
}

fs::path without_trailing_separator(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

PrepareResult prepare_tokens(const PrepareOptions& options, const Tokenizer& tokenizer) {
  check_inputs(options);
  check_output(options);
  const fs::path output = without_trailing_separator(fs::absolute(options.output));
  PrepareResult result;
  fs::path temporary;
  try {
    fs::create_directories(output.parent_path());
    temporary = temporary_sibling(output);
    fs::create_directory(temporary);
    {
      ShardSet shards(temporary, tokenizer, options.shard_tokens);
      tokenize_inputs(options, tokenizer, shards, result);
      if (result.tokens == 0) {
        throw DataError("prepare: found " + std::to_string(result.documents) +
                        " documents without a single token; expected text");
      }
      write_file_atomic(temporary / kDatasetIndexName,
                        to_json_text(index_of(result, shards, tokenizer)));
    }
    publish(temporary, output);
  } catch (...) {
    std::error_code ignored;
    if (!temporary.empty()) fs::remove_all(temporary, ignored);
    throw;
  }
  return result;
}

}  // namespace ropewalk

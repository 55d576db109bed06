// One dataset folder in the making: documents go into shards, and the counts of what the finished
// shards hold are kept apart from what the open one would lose.
#pragma once

#include <filesystem>
#include <memory>

#include "data/prepare/state.h"
#include "ropewalk/data/document_encoder.h"
#include "ropewalk/formats/token_shard.h"

namespace ropewalk {

class DatasetPart {
 public:
  struct Settings {
    std::filesystem::path folder;  // exists
    int64_t vocab_size = 0;
    std::string tokenizer_hash;
    int64_t shard_tokens = 0;
  };

  // Goes on behind the shards of `durable`.
  DatasetPart(PartState durable, Settings settings);

  // `position` is the document's own. True when the open shard has enough tokens: close it.
  void add(const EncodedDocument& document, InputPosition position, int64_t text_bytes);
  bool is_shard_full() const;
  // Publishes the open shard, if any; what was added is durable from now on. `next`: as in
  // PartState.
  void close_shard(InputPosition next);

  const PartState& durable() const { return durable_; }
  const InputCounts& total() const { return total_; }

 private:
  PartState durable_;
  Settings settings_;
  std::vector<InputCounts> inputs_;  // with the open shard
  InputCounts total_;
  std::unique_ptr<TokenShardWriter> writer_;
  std::string shard_name_;
};

// dataset.json of a finished part.
struct DatasetDescription {
  const InputList& inputs;
  const BadLines& bad;  // of all parts
  Json split;           // null when there is none
  int64_t vocab_size = 0;
  std::string tokenizer_hash;
};
std::string dataset_index_text(const PartState& part, const DatasetDescription& description);

}  // namespace ropewalk

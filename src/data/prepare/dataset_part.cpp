#include "data/prepare/dataset_part.h"

#include <cstdio>

#include "ropewalk/base/errors.h"
#include "ropewalk/data/dataset_index.h"

namespace ropewalk {
namespace {

std::string shard_file_name(size_t number) {
  char name[32];
  std::snprintf(name, sizeof(name), "shard-%05zu%s", number, kTokenShardExtension);
  return name;
}

}  // namespace

DatasetPart::DatasetPart(PartState durable, Settings settings)
    : durable_(std::move(durable)),
      settings_(std::move(settings)),
      inputs_(durable_.inputs),
      total_(durable_.total()) {}

void DatasetPart::add(const EncodedDocument& document, InputPosition position, int64_t text_bytes) {
  if (!writer_) {
    shard_name_ = shard_file_name(durable_.shards.size());
    writer_ = std::make_unique<TokenShardWriter>(
        settings_.folder / shard_name_, settings_.vocab_size, settings_.tokenizer_hash);
  }
  writer_->add_document(document.ids, document.trained);
  const auto tokens = static_cast<int64_t>(document.ids.size());
  for (InputCounts* counts : {&inputs_[position.input], &total_}) {
    ++counts->documents;
    counts->tokens += tokens;
    counts->text_bytes += text_bytes;
  }
}

bool DatasetPart::is_shard_full() const {
  return writer_ && writer_->num_tokens() >= settings_.shard_tokens;
}

void DatasetPart::close_shard(InputPosition next) {
  if (writer_) {
    const TokenShardInfo info = writer_->close();
    writer_.reset();
    durable_.shards.push_back(
        {shard_name_, info.num_tokens, info.num_documents, info.payload_hash});
  }
  durable_.next = next;
  durable_.inputs = inputs_;
}

std::string dataset_index_text(const PartState& part, const DatasetDescription& description) {
  const InputCounts total = part.total();
  Json index = {{"format", "ropewalk-tokens"},
                {"version", 1},
                {"tokenizer_hash", description.tokenizer_hash},
                {"vocab_size", description.vocab_size},
                {"documents", total.documents},
                {"tokens", total.tokens},
                {"text_bytes", total.text_bytes},
                {"bad_lines", description.bad.total()}};
  if (!description.split.is_null()) index["split"] = description.split;
  Json& inputs = index["inputs"] = Json::array();
  for (size_t i = 0; i < part.inputs.size(); ++i) {
    inputs.push_back({{"path", description.inputs.files[i].path.string()},
                      {"documents", part.inputs[i].documents},
                      {"tokens", part.inputs[i].tokens},
                      {"bad_lines", description.bad.counts[i]}});
  }
  index["shards"] = shard_entries(part.shards);
  return to_json_text(index);
}

}  // namespace ropewalk

#include "cli/commands/inspect_tokens.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <numeric>
#include <vector>

#include "ropewalk/base/text.h"

namespace ropewalk::cli {
namespace {

constexpr int64_t kTargetsWindow = int64_t{1} << 20;

// Bin 0 holds the empty documents, bin k those of 2^(k-1) to 2^k - 1 tokens.
class LengthHistogram {
 public:
  void add(const TokenStore& store) {
    for (int64_t i = 0; i < store.num_documents(); ++i) add(store.document_length(i));
  }
  Json json() const;

 private:
  struct Bin {
    int64_t documents = 0;
    int64_t tokens = 0;
  };
  void add(int64_t length) {
    const auto bin = static_cast<size_t>(std::bit_width(static_cast<uint64_t>(length)));
    if (bins_.size() <= bin) bins_.resize(bin + 1);
    ++bins_[bin].documents;
    bins_[bin].tokens += length;
    longest_ = std::max(longest_, length);
  }

  std::vector<Bin> bins_;
  int64_t longest_ = 0;
};

Json LengthHistogram::json() const {
  Bin rest;
  for (const Bin& bin : bins_) {
    rest.documents += bin.documents;
    rest.tokens += bin.tokens;
  }
  const auto all_tokens = static_cast<double>(std::max<int64_t>(rest.tokens, 1));
  Json bins = Json::array();
  for (size_t k = 0; k < bins_.size(); ++k) {
    const int64_t from = k == 0 ? 0 : int64_t{1} << (k - 1);
    bins.push_back({{"from", from},
                    {"to", k == 0 ? 0 : 2 * from - 1},
                    {"documents", bins_[k].documents},
                    {"tokens", bins_[k].tokens},
                    {"token_share", static_cast<double>(bins_[k].tokens) / all_tokens},
                    {"documents_at_least", rest.documents},
                    {"tokens_at_least", rest.tokens},
                    {"token_share_at_least", static_cast<double>(rest.tokens) / all_tokens}});
    rest.documents -= bins_[k].documents;
    rest.tokens -= bins_[k].tokens;
  }
  return {{"longest", longest_}, {"bins", bins}};
}

int64_t count_targets(const TokenStore& store) {
  int64_t count = 0;
  std::vector<uint8_t> targets;
  for (int64_t begin = 0; begin < store.num_tokens(); begin += kTargetsWindow) {
    targets.resize(static_cast<size_t>(std::min(kTargetsWindow, store.num_tokens() - begin)));
    store.copy_targets(begin, targets);
    count = std::accumulate(targets.begin(), targets.end(), count);
  }
  return count;
}

Json totals_json(const TokenStore& store, const TokenFileOptions& options) {
  const bool is_shard = store.tokenizer_hash().has_value();
  Json json = {{"kind", is_shard ? "token_shard" : "token_file"},
               {"path", store.path().string()},
               {"tokens", store.num_tokens()},
               {"documents", store.num_documents()},
               {"token_bytes", store.token_bytes()}};
  if (is_shard) {
    json["vocab_size"] = *store.vocab_size();
    json["tokenizer_hash"] = *store.tokenizer_hash();
    json["payload_hash"] = store.content_hash();
    if (store.has_targets()) json["target_tokens"] = count_targets(store);
    return json;
  }
  json["format"] = store.format();
  json["content_hash"] = store.content_hash();
  json["eos_id"] = options.eos_id ? Json(*options.eos_id) : Json(nullptr);
  return json;
}

// Without a separator the lengths say little.
void put_remarks(const TokenFileOptions& options, bool foreign, Json& json) {
  json["remarks"] = Json::array();
  if (!foreign || options.eos_id) return;
  json["remarks"].push_back(
      "--eos-id is not given: separators count as tokens, and a .bin without an .idx is one "
      "document");
}

}  // namespace

Json inspect_token_file(const std::filesystem::path& path, const TokenFileOptions& options) {
  const auto store = open_token_file(path, options);
  LengthHistogram lengths;
  lengths.add(*store);
  Json json = totals_json(*store, options);
  json["document_lengths"] = lengths.json();
  put_remarks(options, !store->tokenizer_hash(), json);
  return json;
}

Json inspect_token_folder(const std::filesystem::path& folder, const TokenFileOptions& options) {
  LengthHistogram lengths;
  Json list = Json::array();
  int64_t tokens = 0;
  int64_t documents = 0;
  bool foreign = false;
  for (const std::filesystem::path& file : token_files_in(folder)) {
    const auto store = open_token_file(file, options);
    list.push_back(totals_json(*store, options));
    lengths.add(*store);
    tokens += store->num_tokens();
    documents += store->num_documents();
    foreign |= !store->tokenizer_hash();
  }
  Json json = {{"kind", "token_shards"},
               {"path", folder.string()},
               {"tokens", tokens},
               {"documents", documents},
               {"shards", list},
               {"document_lengths", lengths.json()}};
  put_remarks(options, foreign, json);
  return json;
}

void print_document_lengths(const Json& lengths, const std::string& indent) {
  std::printf("%sdocument_lengths, in tokens (at least: documents from this length on)\n",
              indent.c_str());
  std::printf("%s  %23s %13s %17s %7s %13s %17s %7s\n",
              indent.c_str(),
              "length",
              "documents",
              "tokens",
              "share",
              "at least",
              "tokens",
              "share");
  for (const Json& bin : lengths.at("bins")) {
    const std::string from = format_count(bin.at("from").get<int64_t>());
    const std::string to = format_count(bin.at("to").get<int64_t>());
    std::printf("%s  %23s %13s %17s %6.1f%% %13s %17s %6.1f%%\n",
                indent.c_str(),
                (from == to ? from : from + "-" + to).c_str(),
                format_count(bin.at("documents").get<int64_t>()).c_str(),
                format_count(bin.at("tokens").get<int64_t>()).c_str(),
                100 * bin.at("token_share").get<double>(),
                format_count(bin.at("documents_at_least").get<int64_t>()).c_str(),
                format_count(bin.at("tokens_at_least").get<int64_t>()).c_str(),
                100 * bin.at("token_share_at_least").get<double>());
  }
  std::printf("%s  longest: %s\n",
              indent.c_str(),
              format_count(lengths.at("longest").get<int64_t>()).c_str());
}

}  // namespace ropewalk::cli

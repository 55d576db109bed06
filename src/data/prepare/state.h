// progress.json of a work folder: what an interrupted `prepare` goes on from.
// Format: docs/file_formats.md, Work folder of `prepare`.
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/prepare/inputs.h"
#include "ropewalk/base/json.h"
#include "ropewalk/data/prepare.h"

namespace ropewalk {

// A place in the stream of all documents; `document` counts the lines that are not blank, bad ones
// included.
struct InputPosition {
  int64_t input = 0;
  int64_t document = 0;
  auto operator<=>(const InputPosition&) const = default;
};

struct InputCounts {
  int64_t documents = 0;
  int64_t tokens = 0;
  int64_t text_bytes = 0;
};

struct ShardEntry {
  std::string file;
  int64_t tokens = 0;
  int64_t documents = 0;
  std::string hash;
};

struct BadLines {
  std::vector<int64_t> counts;     // per input
  std::vector<std::string> first;  // messages

  int64_t total() const;
};

struct PartState {
  std::string name;
  InputPosition next;               // first document that the shards may lack
  std::vector<InputCounts> inputs;  // of this part, per input, before `next`
  std::vector<ShardEntry> shards;

  InputCounts total() const;
};

struct PrepareState {
  Json identity;
  bool publishing = false;  // the data folder is complete
  std::vector<PartState> parts;
  BadLines bad;  // before the largest `next` of the parts

  InputPosition smallest_next() const;
  InputPosition largest_next() const;
};

// What the result depends on.
Json prepare_identity(const PrepareOptions& options,
                      const InputList& inputs,
                      const Tokenizer& tokenizer);
// Says what is different; empty when nothing is.
std::string identity_difference(const Json& before, const Json& now);

Json shard_entries(const std::vector<ShardEntry>& shards);
std::string to_progress_text(const PrepareState& state);
// DataError when it is not what to_progress_text writes.
PrepareState read_progress(const std::filesystem::path& file);

}  // namespace ropewalk

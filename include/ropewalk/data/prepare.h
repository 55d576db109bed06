// Text to token shards. A shard holds exactly the ids of each document without special tokens;
// separators and BOS are added when sequences are made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk {

struct PrepareOptions {
  std::vector<std::filesystem::path> inputs;  // files, in this order
  std::filesystem::path output;               // folder
  std::string text_field = "text";            // of a JSONL line
  bool overwrite = false;                     // replace a folder that `prepare` made before
  int64_t shard_tokens = 100'000'000;         // a shard ends with the document that reaches this
  std::function<void(int64_t documents, int64_t tokens)> progress;  // after each document
};

struct PrepareResult {
  int64_t documents = 0;
  int64_t tokens = 0;
  int64_t text_bytes = 0;
  int64_t shards = 0;
};

// Writes to a temporary folder beside `output` and renames it when all is done: `output` is whole
// or not there. A stop signal or any fault removes what was written. `output` may exist when empty.
PrepareResult prepare_tokens(const PrepareOptions& options, const Tokenizer& tokenizer);

}  // namespace ropewalk

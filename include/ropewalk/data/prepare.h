// Text to token shards. A shard holds exactly the ids of each document without special tokens;
// separators and BOS are added when sequences are made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "ropewalk/data/document_encoder.h"
#include "ropewalk/formats/text_reader.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk {

struct PrepareProgress {
  uint64_t bytes_done = 0;   // of the inputs, as stored
  uint64_t bytes_total = 0;  // 0: unknown, since standard input is among them
  int64_t documents = 0;
  int64_t tokens = 0;
  int64_t text_bytes = 0;
  int64_t bad_lines = 0;
  // What a run that was interrupted had done before; part of the above.
  uint64_t bytes_done_before = 0;
  int64_t text_bytes_before = 0;
};

struct PrepareOptions {
  // Files, folders, patterns ("data/**/*.jsonl"), kStandardInput; in this order.
  std::vector<std::filesystem::path> inputs;
  std::filesystem::path output;  // folder
  bool overwrite = false;        // replace a folder that `prepare` made before
  TextReaderOptions text;
  std::string encoding = "text";       // names the encoder and its options: a restart compares it
  bool strict = false;                 // the first bad line is an error
  int64_t shard_tokens = 100'000'000;  // a shard ends with the document that reaches this
  double validation_fraction = 0;      // of the documents; 0: the folder is not split
  uint64_t split_seed = 0;
  int workers = 1;  // threads that tokenize; the result does not depend on it
  // Called on the caller's thread: after each batch and some times a second; when there is
  // something to say (bad lines, what was passed over, why nothing can be continued).
  std::function<void(const PrepareProgress&)> progress;
  std::function<void(const std::string&)> tell;
};

struct PreparedPart {
  std::string name;  // "train", "validation"; "" for a folder that is not split
  int64_t documents = 0;
  int64_t tokens = 0;
  int64_t shards = 0;
};

struct PrepareResult {
  int64_t documents = 0;
  int64_t tokens = 0;
  int64_t text_bytes = 0;
  int64_t text_bytes_before = 0;  // done by runs that were interrupted
  int64_t shards = 0;
  int64_t bad_lines = 0;
  int64_t num_inputs = 0;
  std::vector<PreparedPart> parts;
};

// Works in `<output>.partial` (docs/file_formats.md) and renames at the end: `output` is whole or
// not there. Killed at any moment and called again with the same options it goes on from the last
// complete shard, and the result has the same bytes as that of an undisturbed run.
// A stop signal: Error with kExitStopped; finished shards stay. Bad input: DataError, and what was
// written is removed. `output` may exist when empty. Memory: some 250 MiB of text at most, besides
// the two largest documents.
PrepareResult prepare_tokens(const PrepareOptions& options,
                             const Tokenizer& tokenizer,
                             const DocumentEncoder& encoder);

}  // namespace ropewalk

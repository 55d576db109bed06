// `ropewalk prepare`: text to token shards.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kPrepareCommand{
    "prepare", "Prepare", "Turn text and JSONL files into token shards"};

inline constexpr const char* kOwnChatForm = "auto";  // that of the checkpoint's template
inline constexpr const char* kNoChatForm = "none";   // prompts and completions only

struct PrepareOptions {
  std::vector<std::string> inputs;
  std::string tokenizer;
  std::string output;
  bool overwrite = false;
  std::string field = "text";
  std::string chat_form;  // a form's name, kOwnChatForm or kNoChatForm; empty: texts, not chat data
  std::string format;     // "text", "jsonl"; empty: not given
  bool strict = false;
  int workers = 0;  // 0: one per core
  int64_t shard_tokens = 100'000'000;
  double validation_fraction = 0;
  uint64_t split_seed = 0;
  uint64_t max_line_bytes = 64ull << 20;
  uint64_t max_document_bytes = 1ull << 30;
};

void declare_prepare_options(CLI::App& app, PrepareOptions& options);

}  // namespace ropewalk::cli

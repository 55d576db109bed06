// `ropewalk export`: a checkpoint as a plain Hugging Face model directory.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kExportCommand{
    "export", "Checkpoints", "Write a directory that `transformers` opens with equal logits"};

struct ExportOptions {
  std::string checkpoint;
  std::string output;
  std::string dtype;          // empty: the checkpoint's own
  bool adapter = false;       // the low-rank updates alone
  std::string merge_adapter;  // folder of an adapter to merge; empty: none
};

void declare_export_options(CLI::App& app, ExportOptions& options);

}  // namespace ropewalk::cli

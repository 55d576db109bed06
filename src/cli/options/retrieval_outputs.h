// Where retrieval evaluations write.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace ropewalk::cli {

struct RetrievalOutputs {
  std::string json;
  std::string replies;
  std::string plot;
};

// --json, --replies, --plot.
void declare_retrieval_outputs(CLI::App& app, RetrievalOutputs& outputs);

}  // namespace ropewalk::cli

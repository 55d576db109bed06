// A run config's `stages`: a context curriculum. Each stage is the run config with some values of
// its own, goes on from the weights of the one before with a fresh optimizer and schedule, and
// keeps its checkpoints and metrics in a folder of its own below train.run_dir:
//
//   "stages": [
//     { "model": { "max_position_embeddings": 8192, "pos_scaling_factor": 4.0 },
//       "train": { "steps": 200 },
//       "gate": { "eval/perplexity@8192": { "at_most": 12.0 } } },
//     { "model": { "max_position_embeddings": 32768, "pos_scaling_factor": 16.0 },
//       "train": { "steps": 400 }, "data": { "train": ["data/long"] } }
//   ]
//
// The next stage begins only when every number of the gate, as the stage's last evaluation wrote
// it, is within its bounds. Factors are TOTAL ones, as everywhere. Values set on the command line
// hold for every stage.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"

namespace ropewalk {

struct Gate {
  std::string metric;  // a key of metrics.jsonl, "eval/perplexity@8192"
  std::optional<double> at_most, at_least;
};

// One stage, or all of a run config without stages.
struct RunStage {
  int64_t number = 0;       // from 1; 0: the run config has no stages
  int64_t of = 0;           // how many there are
  std::string source;       // heads messages: "run.json", "run.json: stage 2 of 3"
  Json config;              // a whole run config of one stage
  std::vector<Gate> gates;  // before the next stage
};

// The sections that may differ between stages.
std::vector<std::string_view> stage_sections();

// Reads the file and applies `overrides` ("a.b=v"). Faults of `stages` itself go to `faults`; what
// cannot be read at all is thrown. Never empty.
std::vector<RunStage> read_stages(const std::filesystem::path& run_config,
                                  const std::vector<std::string>& overrides,
                                  Diagnostics& faults);

// What the evaluation at `step`, the stage's last, keeps a gate shut for, one line a gate; empty:
// it is open.
std::vector<std::string> shut_gates(const RunStage& stage,
                                    int64_t step,
                                    const std::filesystem::path& metrics_file);

}  // namespace ropewalk

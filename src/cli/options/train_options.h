// `ropewalk train`: the main job.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ropewalk::cli {

inline constexpr CommandInfo kTrainCommand{
    "train", "Train and evaluate", "Fine-tune (or pre-train) as a run config says"};

// What --resume means when it stands alone: the newest checkpoint that verifies.
inline constexpr const char* kResumeNewest = "newest";

inline constexpr int kMostRestarts = 1'000'000;
inline constexpr double kLongestHangLimit_s = 7 * 86400.0;

struct TrainOptions {
  std::string run_config;
  int64_t nproc = 0;  // 0: not given; rank and size come from the environment
  std::optional<int> max_restarts;
  std::optional<double> hang_limit_s;
  std::vector<std::string> set;
  std::string resume;  // empty: no; "newest", "auto", a checkpoint's path or a step
  bool overwrite = false;
  std::vector<std::string> allow_change;
};

void declare_train_options(CLI::App& app, TrainOptions& options);

}  // namespace ropewalk::cli

// What `eval perplexity`, `passkey`, `needle`, `recall` and `short` wrote with --json, read without
// LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ropewalk/base/diagnostics.h"

namespace ropewalk {

enum class EvalForm { kPerplexity, kPasskey, kNeedle, kRecall, kShort };

// Loss over the tokens at positions [begin, end) inside their windows.
struct PositionRange {
  int64_t begin = 0, end = 0;
  double nll = 0;  // nats per token
};

struct WindowResult {
  int64_t window = 0;     // tokens
  double perplexity = 0;  // infinite where the file has null
  std::optional<std::pair<double, double>> interval;
  std::vector<PositionRange> positions;
};

struct RetrievalResult {
  std::string task;    // of recall; empty otherwise
  int64_t length = 0;  // tokens; of passkey: the distance back to the key
  double depth = 0;    // of needle: 0 to 1
  double found = 0;    // share of the trials, 0 to 1
};

// Everything that was measured under one scaling.
struct ScaledResults {
  std::string scaling;  // "unscaled", "linear x8"
  bool is_scaled = false;
  std::vector<WindowResult> windows;       // of perplexity, shortest first
  std::vector<RetrievalResult> retrieval;  // of the others, in the file's order
  std::optional<int64_t> k_max;            // of passkey: tokens
};

// A model of `eval short`: "base", "extended", or empty for a single one; and its scaling.
struct ShortModel {
  std::string name, scaling;
};

struct ShortPerplexity {
  ShortModel model;
  int64_t window = 0;     // tokens
  double perplexity = 0;  // infinite where the file has null
};

struct ShortChoices {
  ShortModel model;
  std::string task;
  int64_t questions = 0;
  double accuracy = 0;             // 0 to 1
  double accuracy_normalized = 0;  // 0 to 1
};

struct EvalRecord {
  std::string name;  // as shown
  // The same for all steps at which a run measured this; empty: measured once.
  std::string family = {};
  EvalForm form = EvalForm::kPerplexity;
  std::string protocol;                // of perplexity: pi, yarn, ...
  std::vector<ScaledResults> results;  // of every form but `short`
  std::vector<ShortPerplexity> short_perplexities;
  std::vector<ShortChoices> short_choices;
};

// Faults go to `faults` with the file and the place inside it; nothing then.
std::optional<EvalRecord> read_eval_record(const std::filesystem::path& file,
                                           const std::string& name,
                                           Diagnostics& faults);

}  // namespace ropewalk

// `eval passkey`, `eval needle`, `eval recall`: other prompts, the same way to the answers.
#include <algorithm>
#include <cstdio>

#include "cli/engine/engine_commands.h"
#include "cli/engine/evaluated.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/eval/retrieval_report.h"

namespace ropewalk::cli {
namespace {

// How one of the commands shows its results.
struct Presentation {
  Json (*json)(const std::vector<ScaledRetrieval>&);
  std::string (*table)(const std::vector<ScaledRetrieval>&);
  std::string (*chart)(const std::vector<ScaledRetrieval>&, const std::string& subtitle);
};

int64_t longest_prompt(const std::vector<RetrievalCell>& cells) {
  int64_t longest = 0;
  for (const RetrievalCell& cell : cells) {
    for (const RetrievalTrial& trial : cell.trials) {
      longest = std::max(longest, static_cast<int64_t>(trial.ids.size()) + trial.answer_tokens);
    }
  }
  return longest;
}

// `cells_of`: std::vector<RetrievalCell>(const Tokenizer&).
template <typename Options, typename CellsOf>
int run(const Options& options, CellsOf cells_of, const Presentation& presentation) {
  Evaluated evaluated(options.model);
  const auto tokenizer = Tokenizer::load(evaluated.model().path);
  const std::vector<RetrievalCell> cells = cells_of(*tokenizer);
  std::vector<ScaledRetrieval> results;
  evaluated.for_each_scaling(longest_prompt(cells), [&](Decoder& decoder) {
    const RopeParameters& rope = decoder.spec().rope;
    results.push_back({.kind = std::string(rope_kind_name(rope.kind)),
                       .factor = rope.factor,
                       .outcome = retrieve(decoder, *tokenizer, cells, evaluated.group())});
  });
  if (!evaluated.writes()) return kExitDone;
  std::fputs(presentation.table(results).c_str(), stdout);
  const RetrievalOptions& outputs = options.retrieval;
  if (!outputs.json.empty()) {
    write_file_atomic(outputs.json, to_json_text(presentation.json(results)));
  }
  if (!outputs.replies.empty()) write_file_atomic(outputs.replies, trials_jsonl(cells, results));
  if (!outputs.plot.empty()) {
    const std::filesystem::path checkpoint(options.model.checkpoint);
    write_file_atomic(outputs.plot,
                      presentation.chart(results, checkpoint.lexically_normal().string()));
  }
  return kExitDone;
}

}  // namespace

int run_eval_passkey(const EvalPasskeyOptions& options) {
  const auto cells_of = [&](const Tokenizer& tokenizer) {
    return passkey_cells(tokenizer,
                         {.window = options.window,
                          .distances = options.distances,
                          .trials = options.retrieval.trials,
                          .digits = options.retrieval.digits,
                          .seed = options.retrieval.seed});
  };
  return run(options, cells_of, {passkey_json, passkey_table, retrieval_chart});
}

int run_eval_needle(const EvalNeedleOptions& options) {
  const auto cells_of = [&](const Tokenizer& tokenizer) {
    return needle_cells(tokenizer,
                        {.lengths = options.lengths,
                         .depths = options.depths,
                         .trials = options.retrieval.trials,
                         .digits = options.retrieval.digits,
                         .seed = options.retrieval.seed});
  };
  return run(options, cells_of, {needle_json, needle_table, needle_heat_maps});
}

int run_eval_recall(const EvalRecallOptions& options) {
  const auto cells_of = [&](const Tokenizer& tokenizer) {
    return recall_cells(tokenizer,
                        {.lengths = options.lengths,
                         .keys = options.keys,
                         .hops = options.hops,
                         .trials = options.retrieval.trials,
                         .digits = options.retrieval.digits,
                         .seed = options.retrieval.seed});
  };
  return run(options, cells_of, {recall_json, recall_table, retrieval_chart});
}

}  // namespace ropewalk::cli

// Tensors: B = windows computed at once, T = window length.
#include "ropewalk/eval/perplexity.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/data/sequence_dataset.h"
#include "ropewalk/eval/windows.h"

namespace ropewalk {
namespace {

constexpr int64_t kPaperStride = 256;

// Windows of one length, collected until they are worth a forward pass.
struct WindowBatch {
  int64_t rows = 0;
  std::vector<int64_t> tokens;   // [rows, T]
  std::vector<int64_t> targets;  // [rows, T]
};

class WindowScorer {
 public:
  // `together`: the ranks that make as many forward passes as each other; null: this one alone.
  WindowScorer(Decoder& decoder, int64_t batch_tokens, dist::Group* together)
      : decoder_(decoder), batch_tokens_(batch_tokens), together_(together) {}

  void add(const std::vector<int64_t>& document, const ScoredWindow& window) {
    const int64_t length = window.end - window.begin - 1;  // the last token is only a target
    if (length < 1 || window.score_begin >= window.end) return;
    WindowBatch& batch = batches_[length];
    for (int64_t t = window.begin; t + 1 < window.end; ++t) {
      batch.tokens.push_back(document[t]);
      batch.targets.push_back(t + 1 >= window.score_begin ? document[t + 1] : kIgnoredTarget);
    }
    ++batch.rows;
    num_scored_ += window.end - window.score_begin;
    if ((batch.rows + 1) * length > batch_tokens_) compute(length, batch);
  }

  void finish() {
    for (auto& [length, batch] : batches_) compute(length, batch);
    if (together_ == nullptr) return;
    // Passes for nothing while another rank has one to make.
    const at::Tensor token =
        at::zeros({1, 1}, at::TensorOptions(decoder_.options().device).dtype(at::kLong));
    while (together_->any_rank(false)) decoder_.token_nll(token, token);
  }

  double nll_sum() const { return nll_sum_; }
  int64_t num_scored() const { return num_scored_; }

 private:
  void compute(int64_t length, WindowBatch& batch) {
    if (batch.rows == 0) return;
    if (together_ != nullptr) together_->any_rank(true);
    const auto device = decoder_.options().device;
    const at::Tensor tokens_BT = at::tensor(batch.tokens, at::kLong).view({batch.rows, length});
    const at::Tensor targets_BT = at::tensor(batch.targets, at::kLong).view({batch.rows, length});
    const at::Tensor nll_BT = decoder_.token_nll(tokens_BT.to(device), targets_BT.to(device));
    nll_sum_ += nll_BT.sum(at::kDouble).item<double>();
    batch = WindowBatch{};
  }

  Decoder& decoder_;
  int64_t batch_tokens_;
  dist::Group* together_;
  std::map<int64_t, WindowBatch> batches_;  // by length
  double nll_sum_ = 0;
  int64_t num_scored_ = 0;
};

}  // namespace

int64_t default_stride(int64_t window) { return std::min(window, kPaperStride); }

PerplexityResult perplexity(Decoder& decoder,
                            const TokenDataset& documents,
                            const PerplexityOptions& options,
                            dist::Group& group) {
  const torch::autograd::AutoGradMode no_grad(false);
  const int64_t num_documents = options.max_documents == 0
                                    ? documents.num_documents()
                                    : std::min(options.max_documents, documents.num_documents());
  WindowScorer scorer(decoder, options.batch_tokens, options.equal_passes ? &group : nullptr);
  int64_t scored_documents = 0;
  for (int64_t d = group.rank(); d < num_documents; d += group.size()) {
    const std::vector<int64_t> document = documents.document(d);
    if (document.size() > 1) ++scored_documents;
    const auto length = static_cast<int64_t>(document.size());
    for (const ScoredWindow& window : sliding_windows(length, options.window, options.stride)) {
      scorer.add(document, window);
    }
  }
  scorer.finish();

  at::Tensor totals = at::tensor({scorer.nll_sum(),
                                  static_cast<double>(scorer.num_scored()),
                                  static_cast<double>(scored_documents)},
                                 at::kDouble);
  group.all_reduce_sum(totals);
  const RopeParameters& rope = decoder.spec().rope;
  PerplexityResult result{.window = options.window, .stride = options.stride};
  result.kind = rope_kind_name(rope.kind);
  result.factor = rope.factor;
  result.tokens = static_cast<int64_t>(totals[1].item<double>());
  result.documents = static_cast<int64_t>(totals[2].item<double>());
  if (result.tokens == 0) {
    throw DataError("perplexity: none of " + std::to_string(num_documents) +
                    " documents has two tokens, so there is nothing to score");
  }
  result.nll = totals[0].item<double>() / static_cast<double>(result.tokens);
  result.perplexity = std::exp(result.nll);
  return result;
}

}  // namespace ropewalk

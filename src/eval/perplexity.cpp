// Tensors: B = windows computed at once, T = tokens that a window predicts from.
#include "ropewalk/eval/perplexity.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "eval/window_batches.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

constexpr int64_t kPaperStride = 256;

// What was scored in a batch or a document: `value` / `weight` is what the protocol averages.
struct Score {
  double value = 0;
  double weight = 0;
  int64_t scored = 0;  // tokens
  // By position; of every token of a window that has one before it, scored or not.
  std::vector<double> nll_at = std::vector<double>(kPositionBuckets);
  std::vector<int64_t> tokens_at = std::vector<int64_t>(kPositionBuckets);
};

bool averages_windows(PerplexityProtocol protocol) { return protocol != PerplexityProtocol::kPi; }

class WindowScorer {
 public:
  WindowScorer(Decoder& decoder, const WindowedTexts& texts, const PerplexityOptions& options)
      : decoder_(decoder),
        texts_(texts),
        options_(options),
        has_bos_(begins_with_bos(options.protocol) && options.bos_id) {}

  // What the batch counts, before anything is computed.
  Score counts(const WindowBatch& batch) const {
    Score score;
    for (const ScoredWindow& window : batch.windows) {
      score.scored += window.num_scored();
      for (int64_t t = first_target(window); t < window.end; ++t) {
        ++score.tokens_at[bucket(window, t)];
      }
    }
    score.weight = averages_windows(options_.protocol) ? static_cast<double>(batch.windows.size())
                                                       : static_cast<double>(score.scored);
    return score;
  }

  // Fills in `value` and `nll_at`.
  void compute(const WindowBatch& batch, Score& score) {
    read(batch.text);
    const auto rows = static_cast<int64_t>(batch.windows.size());
    std::vector<int64_t> tokens;
    std::vector<int64_t> targets;
    for (const ScoredWindow& window : batch.windows) add_row(window, tokens, targets);
    const auto device = decoder_.options().device;
    const at::Tensor tokens_BT = at::tensor(tokens, at::kLong).view({rows, -1});
    const at::Tensor targets_BT = at::tensor(targets, at::kLong).view({rows, -1});
    const at::Tensor nll_BT = decoder_.token_nll(tokens_BT.to(device), targets_BT.to(device))
                                  .to(at::kCPU, at::kDouble)
                                  .contiguous();
    for (int64_t row = 0; row < rows; ++row) {
      const double* nll_T = nll_BT.const_data_ptr<double>() + row * nll_BT.size(1);
      add(batch.windows[row], nll_T, score);
    }
  }

  // A pass for nothing, while other ranks make theirs.
  void compute_nothing() {
    const at::Tensor token_BT =
        at::zeros({1, 1}, at::TensorOptions(decoder_.options().device).dtype(at::kLong));
    decoder_.token_nll(token_BT, token_BT);
  }

 private:
  void read(int64_t text) {
    if (text == text_) return;
    tokens_ = texts_.tokens(text);
    text_ = text;
  }

  int64_t first_target(const ScoredWindow& window) const {
    return window.begin + (has_bos_ ? 0 : 1);
  }

  // Position of token t in its window.
  int64_t position(const ScoredWindow& window, int64_t t) const {
    return t - window.begin + (has_bos_ ? 1 : 0);
  }

  int64_t bucket(const ScoredWindow& window, int64_t t) const {
    return position(window, t) * kPositionBuckets / options_.window;
  }

  // The window's last token is only a target.
  void add_row(const ScoredWindow& window,
               std::vector<int64_t>& tokens,
               std::vector<int64_t>& targets) const {
    if (has_bos_) tokens.push_back(*options_.bos_id);
    tokens.insert(tokens.end(), tokens_.begin() + window.begin, tokens_.begin() + window.end - 1);
    targets.insert(
        targets.end(), tokens_.begin() + first_target(window), tokens_.begin() + window.end);
  }

  void add(const ScoredWindow& window, const double* nll_T, Score& score) const {
    double sum = 0;
    for (int64_t t = first_target(window); t < window.end; ++t) {
      const double nll = nll_T[position(window, t) - 1];
      score.nll_at[bucket(window, t)] += nll;
      if (t >= window.score_begin) sum += nll;
    }
    score.value +=
        averages_windows(options_.protocol) ? sum / static_cast<double>(window.num_scored()) : sum;
  }

  Decoder& decoder_;
  const WindowedTexts& texts_;
  const PerplexityOptions& options_;
  bool has_bos_;
  int64_t text_ = -1;
  std::vector<int64_t> tokens_;
};

// Each rank fills in its own batches' numbers; afterwards every rank has all of them.
void exchange(std::vector<Score>& scores, dist::Group& group) {
  const auto rows = static_cast<int64_t>(scores.size());
  at::Tensor table = at::zeros({rows, 1 + kPositionBuckets}, at::kDouble);
  auto numbers = table.accessor<double, 2>();
  for (int64_t row = 0; row < rows; ++row) {
    numbers[row][0] = scores[row].value;
    for (int64_t i = 0; i < kPositionBuckets; ++i) numbers[row][1 + i] = scores[row].nll_at[i];
  }
  group.all_reduce_sum(table);  // of a number and zeros: exact
  numbers = table.accessor<double, 2>();
  for (int64_t row = 0; row < rows; ++row) {
    scores[row].value = numbers[row][0];
    for (int64_t i = 0; i < kPositionBuckets; ++i) scores[row].nll_at[i] = numbers[row][1 + i];
  }
}

std::vector<Score> score_batches(const std::vector<WindowBatch>& batches,
                                 WindowScorer& scorer,
                                 dist::Group& group) {
  std::vector<Score> scores;
  for (const WindowBatch& batch : batches) scores.push_back(scorer.counts(batch));
  const auto count = static_cast<int64_t>(batches.size());
  for (int64_t first = 0; first < count; first += group.size()) {
    const int64_t own = first + group.rank();
    if (own < count) {
      scorer.compute(batches[own], scores[own]);
    } else {
      scorer.compute_nothing();
    }
  }
  exchange(scores, group);
  return scores;
}

std::vector<PositionLoss> positions_of(const Score& all, int64_t window) {
  // The first position p with p * kPositionBuckets / window == bucket.
  const auto begin_of = [&](int64_t bucket) {
    return (bucket * window + kPositionBuckets - 1) / kPositionBuckets;
  };
  std::vector<PositionLoss> positions;
  for (int64_t i = 0; i < kPositionBuckets; ++i) {
    if (all.tokens_at[i] == 0) continue;
    positions.push_back({.begin = begin_of(i),
                         .end = begin_of(i + 1),
                         .nll = all.nll_at[i] / static_cast<double>(all.tokens_at[i]),
                         .tokens = all.tokens_at[i]});
  }
  return positions;
}

[[noreturn]] void refuse_empty(const WindowedTexts& texts, const PerplexityOptions& options) {
  if (options.protocol == PerplexityProtocol::kLonglora) {
    throw DataError("perplexity by protocol longlora: the documents have " +
                    std::to_string(texts.length(0)) + " tokens together, expected more than " +
                    std::to_string(options.window + options.stride) +
                    " for one window and one stride. Use a smaller window or more text");
  }
  throw DataError("perplexity: none of " + std::to_string(texts.num_documents()) +
                  " documents has two tokens, so there is nothing to score");
}

int64_t stride_of(const PerplexityOptions& options) {
  if (options.protocol == PerplexityProtocol::kYarnTruncate) return options.window;
  return options.stride == 0 ? std::min(options.window, kPaperStride) : options.stride;
}

}  // namespace

PerplexityResult perplexity(Decoder& decoder,
                            const TokenDataset& documents,
                            const PerplexityOptions& given,
                            dist::Group& group) {
  PerplexityOptions options = given;
  options.stride = stride_of(given);
  const torch::autograd::AutoGradMode no_grad(false);
  const WindowedTexts texts(documents, options);
  const std::vector<WindowBatch> batches = window_batches(texts, options);
  if (batches.empty()) refuse_empty(texts, options);
  WindowScorer scorer(decoder, texts, options);
  const std::vector<Score> scores = score_batches(batches, scorer, group);

  const RopeParameters& rope = decoder.spec().rope;
  PerplexityResult result{
      .protocol = options.protocol, .window = options.window, .stride = options.stride};
  std::vector<WeightedSum> by_text(texts.size());
  Score all;
  for (size_t i = 0; i < scores.size(); ++i) {
    WeightedSum& text = by_text[batches[i].text];
    text.sum += scores[i].value;
    text.weight += scores[i].weight;
    for (int64_t b = 0; b < kPositionBuckets; ++b) {
      all.nll_at[b] += scores[i].nll_at[b];
      all.tokens_at[b] += scores[i].tokens_at[b];
    }
    result.tokens += scores[i].scored;
  }
  result.kind = rope_kind_name(rope.kind);
  result.factor = rope.factor;
  for (const WeightedSum& text : by_text) {
    all.value += text.sum;
    all.weight += text.weight;
    if (text.weight > 0) ++result.documents;
  }
  if (options.protocol == PerplexityProtocol::kLonglora) result.documents = texts.num_documents();
  result.nll = all.value / all.weight;
  result.perplexity = std::exp(result.nll);
  if (const auto interval = confidence_interval(by_text)) {
    result.interval = Interval{std::exp(interval->low), std::exp(interval->high)};
  }
  result.positions = positions_of(all, options.window);
  return result;
}

}  // namespace ropewalk

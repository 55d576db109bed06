// N tokens, E experts, K choices, G groups.
#include "ropewalk/ops/routers.h"

#include <ATen/ATen.h>

#include "ops/checks.h"

namespace ropewalk::ops {
namespace {

constexpr double kLowest = -std::numeric_limits<double>::infinity();

at::Tensor wide_logits(const char* op, const at::Tensor& logits, int64_t k) {
  ROPEWALK_CHECK_ARGUMENT(logits.dim() == 2 && k >= 1 && k <= logits.size(1), op, "logits", logits);
  return logits.to(compute_type(logits));
}

void check_groups(const char* op, const at::Tensor& logits, const GroupTopK& options) {
  ROPEWALK_CHECK(options.num_groups >= 1 && logits.size(1) % options.num_groups == 0 &&
                     options.num_chosen_groups >= 1 &&
                     options.num_chosen_groups <= options.num_groups,
                 std::string(op) + ": " + std::to_string(logits.size(1)) +
                     " experts do not form the groups asked for");
}

// ranks [N, G] -> bool [N, E], true where the expert's group is not among the best.
at::Tensor outside_groups(const at::Tensor& ranks_NG, const GroupTopK& options, int64_t experts) {
  const at::Tensor best = std::get<1>(ranks_NG.topk(options.num_chosen_groups, 1));
  return at::ones_like(ranks_NG, at::kBool)
      .scatter_(1, best, 0)
      .repeat_interleave(experts / options.num_groups, 1);
}

at::Tensor by_group(const at::Tensor& scores_NE, const GroupTopK& options) {
  return scores_NE.unflatten(1, {options.num_groups, -1});
}

Routing finish(const at::Tensor& chosen, at::Tensor weights, const GroupTopK& options) {
  if (options.renormalize) weights = weights / (weights.sum(1, /*keepdim=*/true) + 1e-20);
  if (options.scale != 1.0) weights = weights * options.scale;
  return {chosen, weights};
}

// The best of the candidates and its share among those close to it.
struct Mixed {
  at::Tensor expert_N1, share_N1;
};
Mixed mix(const at::Tensor& scores_NE, const at::Tensor& candidates_NE, double jitter_eps) {
  at::Tensor far, best;
  {
    at::NoGradGuard no_grad;
    at::Tensor top;
    std::tie(top, best) = candidates_NE.max(1, /*keepdim=*/true);
    far = ((top - scores_NE) / at::maximum(scores_NE.abs(), top)).gt(2 * jitter_eps);
  }
  return {best, candidates_NE.masked_fill(far, kLowest).softmax(1).gather(1, best)};
}

}  // namespace

Routing softmax_top_k(const at::Tensor& logits_NE, int64_t k, bool renormalize) {
  const at::Tensor shares = wide_logits("softmax_top_k", logits_NE, k).softmax(1);
  auto [weights, chosen] = shares.topk(k, 1);
  return {chosen, renormalize ? weights / weights.sum(1, /*keepdim=*/true) : weights};
}

Routing top_k_softmax(const at::Tensor& logits_NE, int64_t k) {
  const auto [top, chosen] = wide_logits("top_k_softmax", logits_NE, k).topk(k, 1);
  return {chosen, top.softmax(1)};
}

Routing sigmoid_group_top_k(const at::Tensor& logits_NE, const GroupTopK& options) {
  const char* op = "sigmoid_group_top_k";
  const at::Tensor scores = wide_logits(op, logits_NE, options.k).sigmoid();
  check_groups(op, logits_NE, options);
  at::Tensor chosen;
  {
    at::NoGradGuard no_grad;
    const at::Tensor& bias = options.correction_bias_E;
    const at::Tensor ranked = bias.defined() ? scores + bias.to(scores.scalar_type()) : scores;
    const at::Tensor groups = by_group(ranked, options);
    const int64_t best = std::min<int64_t>(2, groups.size(2));
    const at::Tensor ranks = std::get<0>(groups.topk(best, 2)).sum(2);
    const at::Tensor outside = outside_groups(ranks, options, scores.size(1));
    chosen = std::get<1>(ranked.masked_fill(outside, kLowest).topk(options.k, 1));
  }
  return finish(chosen, scores.gather(1, chosen), options);
}

Routing softmax_group_top_k(const at::Tensor& logits_NE, const GroupTopK& options) {
  const char* op = "softmax_group_top_k";
  at::Tensor scores = wide_logits(op, logits_NE, options.k).softmax(1);
  check_groups(op, logits_NE, options);
  if (options.num_chosen_groups < options.num_groups) {
    const at::Tensor ranks = by_group(scores.detach(), options).amax(2);
    scores = scores.masked_fill(outside_groups(ranks, options, scores.size(1)), 0.0);
  }
  const auto [weights, chosen] = scores.topk(options.k, 1);
  return finish(chosen, weights, options);
}

Routing sparse_mixer(const at::Tensor& logits_NE, double jitter_eps) {
  const at::Tensor scores = wide_logits("sparse_mixer", logits_NE, 2);
  const Mixed first = mix(scores, scores, jitter_eps);
  const Mixed second = mix(scores, scores.scatter(1, first.expert_N1, kLowest), jitter_eps);
  return {at::cat({first.expert_N1, second.expert_N1}, 1),
          at::cat({first.share_N1, second.share_N1}, 1)};
}

BalanceStatistics balance_statistics(const at::Tensor& logits_NE, int64_t top_k) {
  const at::Tensor shares = wide_logits("balance_statistics", logits_NE, top_k).softmax(1);
  const at::Tensor chosen = std::get<1>(shares.detach().topk(top_k, 1));
  return {shares.sum(0),
          at::bincount(chosen.flatten(), {}, logits_NE.size(1)).to(shares.scalar_type()),
          logits_NE.size(0)};
}

at::Tensor load_balancing_loss(const std::vector<BalanceStatistics>& layers) {
  ROPEWALK_CHECK(!layers.empty(), "load_balancing_loss: no layers");
  at::Tensor probabilities = layers[0].probabilities_E, choices = layers[0].choices_E;
  int64_t tokens = layers[0].num_tokens;
  for (size_t i = 1; i < layers.size(); ++i) {
    probabilities = probabilities + layers[i].probabilities_E;
    choices = choices + layers[i].choices_E;
    tokens += layers[i].num_tokens;
  }
  const auto rows = static_cast<double>(tokens), experts = static_cast<double>(choices.size(0));
  return (choices / rows * (probabilities / rows)).sum() * experts;
}

}  // namespace ropewalk::ops

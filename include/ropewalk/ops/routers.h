// From router logits [N, E] to a choice of experts with weights (fp32; double for double). Choices
// carry no gradient, weights do.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "ropewalk/ops/experts.h"

namespace ropewalk::ops {

// Softmax over all experts, then the k largest; with renormalize they are divided by their sum.
Routing softmax_top_k(const at::Tensor& logits_NE, int64_t k, bool renormalize);

// Softmax over the k largest logits: softmax_top_k with renormalize.
Routing top_k_softmax(const at::Tensor& logits_NE, int64_t k);

// Experts stand in num_groups groups of equal size; a token chooses among those of its
// num_chosen_groups best groups.
struct GroupTopK {
  int64_t k = 1;
  int64_t num_groups = 1;
  int64_t num_chosen_groups = 1;
  bool renormalize = false;  // weights / (sum of weights + 1e-20)
  double scale = 1.0;        // multiplies the weights at the end
  // [E], added to the scores for choosing only; undefined = none. sigmoid_group_top_k only.
  at::Tensor correction_bias_E;
};

// DeepSeek-V3: score = sigmoid(logit); a group's rank is the sum of its two best corrected scores.
Routing sigmoid_group_top_k(const at::Tensor& logits_NE, const GroupTopK& options);

// DeepSeek-V2: score = softmax(logits); a group's rank is its best score.
Routing softmax_group_top_k(const at::Tensor& logits_NE, const GroupTopK& options);

// SparseMixer's two experts (arXiv 2409.12136) as Phi-MoE chooses them outside training. An
// expert's weight is its share of a softmax over the logits within a relative distance of 2
// jitter_eps of the largest; the second expert's softmax leaves out the first.
Routing sparse_mixer(const at::Tensor& logits_NE, double jitter_eps);

// What one layer adds to the load-balancing loss of Switch Transformers (arXiv 2101.03961).
struct BalanceStatistics {
  at::Tensor probabilities_E;  // sum over tokens of softmax(logits), differentiable
  at::Tensor choices_E;        // how many of the tokens' top_k choices fell on each expert
  int64_t num_tokens = 0;
};
BalanceStatistics balance_statistics(const at::Tensor& logits_NE, int64_t top_k);

// E * sum over experts of (mean number of choices) * (mean probability), means over the tokens of
// all layers together.
at::Tensor load_balancing_loss(const std::vector<BalanceStatistics>& layers);

}  // namespace ropewalk::ops

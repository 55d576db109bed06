// A mixture of experts in the place of a layer's MLP.
#pragma once

#include <cstdint>

namespace ropewalk {

enum class RouterKind {
  kSoftmax,       // softmax over all experts, the k largest
  kSoftmaxGroup,  // the same within the best groups (DeepSeek-V2, arXiv 2405.04434)
  kSigmoidGroup,  // sigmoid scores, a correction that only chooses (DeepSeek-V3, arXiv 2412.19437)
  kSparseMixer,   // one expert after the other, arXiv 2409.12136 (Phi-3.5-MoE)
};

struct ExpertsSpec {
  int64_t num_experts = 0;        // E
  int64_t experts_per_token = 0;  // k
  int64_t intermediate_size = 0;  // F of one expert
  RouterKind router = RouterKind::kSoftmax;
  bool renormalize = false;  // the chosen weights are divided by their sum
  double weight_scale = 1.0;
  int64_t num_groups = 1;
  int64_t groups_per_token = 1;
  bool router_bias = false;
  bool bias = false;                     // on the experts' projections
  double swiglu_limit = 0.0;             // > 0: gpt_oss's clamped SwiGLU
  double jitter_eps = 0.0;               // kSparseMixer: width of the band that takes part
  int64_t shared_intermediate_size = 0;  // an MLP that every token takes; 0 = none
  bool shared_gate = false;              // its output times sigmoid(gate(x))
  double auxiliary_loss = 0.0;           // coefficient of the load-balancing loss; 0 = off

  bool operator==(const ExpertsSpec&) const = default;
};

}  // namespace ropewalk

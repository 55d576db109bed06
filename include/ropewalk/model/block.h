// One decoder block behind the seam at which parallelism and recompute work: they see blocks, never
// families.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "ropewalk/model/kv_cache.h"
#include "ropewalk/ops/documents.h"
#include "ropewalk/ops/rotary.h"
#include "ropewalk/ops/sequence_part.h"

namespace ropewalk {

struct BlockInputs {
  at::Tensor hidden_BTD;
  // Row p is of position first_position + p, with documents or a part of token p. Undefined: the
  // block has no rotation.
  ops::RotaryTables rotary;
  double score_scale = 1.0;
  int64_t first_position = 0;
  KvCache* cache = nullptr;  // not owned; null in training
  // Given: B is 1 and the tokens are those documents. Null: every row is one document.
  std::shared_ptr<const ops::Documents> documents;
  // Given: the tokens are this piece of longer rows, and there are no documents beside it.
  std::shared_ptr<const ops::SequencePart> part;
};

struct BlockOutputs {
  at::Tensor hidden_BTD;
  // [2, E]: per expert the sum of the router's probabilities and of its choices; undefined unless a
  // load-balancing loss asks for it.
  at::Tensor router_2E;
};

class Block : public torch::nn::Module {
 public:
  // A pure function of the inputs and the block's parameters, so that it can be run again.
  virtual BlockOutputs forward(const BlockInputs& inputs) = 0;

  // The same in two halves, for runners that treat them differently:
  // forward(inputs) == finish(inputs, attend(inputs)).
  // [B, T, D]: the hidden states with what attention adds.
  virtual at::Tensor attend(const BlockInputs& inputs) = 0;
  // Adds the MLP.
  virtual BlockOutputs finish(const BlockInputs& inputs, const at::Tensor& attended_BTD) = 0;
};

}  // namespace ropewalk

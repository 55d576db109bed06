// Ring attention (Liu et al., arXiv 2310.01889) over balanced pieces (the "zigzag" order, a kind of
// Striped Attention's answer, arXiv 2311.09431, to the causal mask): queries stay, keys and values
// go round the ranks, each sent on while it is attended to, and the parts are put together by their
// log-sum-exp. Backward sends the keys and values round again, and their gradients one step behind.
// A rank keeps its own queries, keys, values, output and one number per query and head.
#pragma once

#include <memory>

#include "parallel/sequence_layout.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/ops/attention.h"
#include "ropewalk/ops/partial_attention.h"

namespace ropewalk::parallel {

struct Ring {
  std::shared_ptr<dist::Group> group;
  std::shared_ptr<const SequenceLayout> layout;
};

// Of this rank's piece -> [B, T, H * E]. Collective, and so is its backward.
at::Tensor ring_attention(const ops::AttentionHeads& heads,
                          const ops::AttentionOptions& options,
                          const Ring& ring);

}  // namespace ropewalk::parallel

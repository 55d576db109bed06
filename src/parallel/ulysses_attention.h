// Attention with each rank taking some of the heads over the whole sequence (DeepSpeed-Ulysses,
// Jacobs et al., arXiv 2309.14509): an all-to-all before it turns pieces of tokens into heads, one
// behind it turns them back.
#pragma once

#include <memory>

#include "parallel/sequence_layout.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/ops/attention.h"
#include "ropewalk/ops/partial_attention.h"

namespace ropewalk::parallel {

struct HeadExchange {
  HeadExchange(std::shared_ptr<dist::Group> ranks,
               const SequenceLayout& layout,
               std::shared_ptr<const ops::Documents> documents,
               at::Device device);

  std::shared_ptr<dist::Group> group;
  std::shared_ptr<const ops::Documents> documents;  // of the whole row; null = one
  at::Tensor places_T;  // in the row, of the tokens of all pieces one after another
  at::Tensor order_T;   // its inverse
};

// Of this rank's piece -> [B, T, H * E]. The ranks' number divides H; key-value heads are repeated
// where it does not divide theirs. Collective, and so is its backward.
at::Tensor ulysses_attention(const ops::AttentionHeads& heads,
                             const ops::AttentionOptions& options,
                             const HeadExchange& exchange);

}  // namespace ropewalk::parallel

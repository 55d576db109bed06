// A piece of a sequence whose other pieces are elsewhere: all that a model needs to compute with it
// as if it had the whole.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ropewalk::ops {

struct AttentionOptions;

class SequencePart {
 public:
  virtual ~SequencePart() = default;

  // int64: where each token stands in its row, or in its document where rows hold documents. As
  // many as a row's piece has tokens, the same for all rows; or as many as all rows' pieces have.
  virtual const at::Tensor& positions_T() const = 0;
  // Of the whole: the length of a row, or of the longest document.
  virtual int64_t num_positions() const = 0;
  virtual int64_t num_pieces() const = 0;

  // ops::causal_attention over the whole sequence, for this piece's queries; k and v are this
  // piece's too. The options' part and documents are not looked at.
  virtual at::Tensor attention(const at::Tensor& q_BHTD,
                               const at::Tensor& k_BHTD,
                               const at::Tensor& v_BHTE,
                               const AttentionOptions& options) const = 0;
  // The sum over all pieces, differentiable.
  virtual at::Tensor sum(const at::Tensor& x) const = 0;
};

}  // namespace ropewalk::ops

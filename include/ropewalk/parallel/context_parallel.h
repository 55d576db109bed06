// Context parallelism around a model that knows nothing of ranks: each rank of a context group
// holds a balanced piece of every sequence and computes with it as if it had the whole; attention
// and the load-balancing loss of experts speak with the other ranks.
//
// The world's ranks are [data][context]: ranks 0 .. N - 1 share the first sequences, N .. 2 N - 1
// the next. Parameters are the same on all ranks and their gradients are summed over all of them,
// because each rank's loss is the sum over its own tokens. With one rank to a sequence every call
// is that of the plain model.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "ropewalk/dist/group.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/parallel/parallel_config.h"

namespace ropewalk::parallel {

struct RowBatch {
  at::Tensor tokens_BT, targets_BT;  // int64, whole rows
  // As in Batch: of all rows, one after another; empty = every row is one document.
  std::vector<int64_t> document_lengths;
};

class ContextParallel {
 public:
  // One rank to a sequence.
  ContextParallel() = default;
  // `context`: the ranks that share sequences.
  ContextParallel(std::shared_ptr<dist::Group> context, ContextParallelMethod method);
  // The world's ranks as the settings share sequences among them; its size is a multiple of
  // context_parallel. Collective.
  static ContextParallel among(dist::Group& world, const ParallelConfig& config);

  // Ranks that share a sequence, and this one's place among them.
  int size() const { return context_ ? context_->size() : 1; }
  int rank() const { return context_ ? context_->rank() : 0; }
  // Null with one rank to a sequence.
  const std::shared_ptr<dist::Group>& group() const { return context_; }

  // This rank's piece of rows [B, T, ...] -> [B, T / size, ...], in the order of the row. T is a
  // multiple of 2 * size.
  at::Tensor piece(const at::Tensor& rows_BT) const;
  // What the decoder needs beside the piece; null with one rank to a sequence.
  std::shared_ptr<const ops::SequencePart> part(const RowBatch& batch) const;
  // As Decoder::loss_sum, of this rank's tokens. Every rank of the group passes the same batch.
  // Collective within the group, and so is its backward.
  at::Tensor loss_sum(Decoder& decoder, const RowBatch& batch) const;

 private:
  std::shared_ptr<dist::Group> context_;
  ContextParallelMethod method_ = ContextParallelMethod::kRing;
};

}  // namespace ropewalk::parallel

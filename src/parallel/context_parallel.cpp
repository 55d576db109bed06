#include "ropewalk/parallel/context_parallel.h"

#include <ATen/ATen.h>

#include <numeric>
#include <optional>

#include "parallel/group_handle.h"
#include "parallel/ring_attention.h"
#include "parallel/sequence_layout.h"
#include "parallel/ulysses_attention.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::parallel {
namespace {

// y = sum of all ranks' x; every rank's loss depends on every x.
class SumOverRanks : public torch::autograd::Function<SumOverRanks> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* ctx,
                            const at::Tensor& x,
                            const c10::intrusive_ptr<GroupHandle>& ranks) {
    keep_group(ctx, ranks);
    return summed(x, *ranks->group);
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* ctx,
                                               torch::autograd::tensor_list grads) {
    return {summed(grads[0], kept_group(ctx)), {}};
  }

 private:
  static at::Tensor summed(const at::Tensor& x, dist::Group& ranks) {
    at::Tensor sum = x.contiguous().clone();
    ranks.all_reduce_sum(sum);
    return sum;
  }
};

class ContextPart final : public ops::SequencePart {
 public:
  ContextPart(const std::shared_ptr<dist::Group>& group,
              ContextParallelMethod method,
              const RowShape& row,
              at::Device device)
      : ring_{group, std::make_shared<SequenceLayout>(row, group->size())},
        num_positions_(row.length) {
    std::shared_ptr<const ops::Documents> documents;
    if (!row.document_lengths.empty()) {
      documents =
          std::make_shared<ops::Documents>(ops::make_documents(row.document_lengths, device));
      num_positions_ = documents->longest;
    }
    const SequenceLayout& layout = *ring_.layout;
    const at::Tensor places_T = at::tensor(layout.places(group->rank()), at::kLong).to(device);
    positions_T_ = documents ? documents->positions_T.index_select(0, places_T) : places_T;
    if (method == ContextParallelMethod::kUlysses) {
      exchange_.emplace(group, layout, documents, device);
    }
  }

  const at::Tensor& positions_T() const override { return positions_T_; }
  int64_t num_positions() const override { return num_positions_; }
  int64_t num_pieces() const override { return ring_.group->size(); }

  at::Tensor attention(const at::Tensor& q_BHTD,
                       const at::Tensor& k_BHTD,
                       const at::Tensor& v_BHTE,
                       const ops::AttentionOptions& options) const override {
    const ops::AttentionHeads heads{q_BHTD, k_BHTD, v_BHTE};
    ROPEWALK_CHECK(q_BHTD.size(2) == positions_T_.numel() && k_BHTD.size(2) == q_BHTD.size(2),
                   "attention to a sequence's piece takes the piece's tokens");
    return exchange_ ? ulysses_attention(heads, options, *exchange_)
                     : ring_attention(heads, options, ring_);
  }

  at::Tensor sum(const at::Tensor& x) const override {
    return SumOverRanks::apply(x, c10::make_intrusive<GroupHandle>(ring_.group));
  }

 private:
  Ring ring_;
  std::optional<HeadExchange> exchange_;
  at::Tensor positions_T_;
  int64_t num_positions_;
};

std::shared_ptr<const ops::Documents> documents_of(const RowBatch& batch) {
  if (batch.document_lengths.empty()) return nullptr;
  return std::make_shared<ops::Documents>(
      ops::make_documents(batch.document_lengths, batch.tokens_BT.device()));
}

}  // namespace

ContextParallel::ContextParallel(std::shared_ptr<dist::Group> context, ContextParallelMethod method)
    : context_(std::move(context)), method_(method) {}

ContextParallel ContextParallel::among(dist::Group& world, const ParallelConfig& config) {
  const int size = static_cast<int>(config.context_parallel);
  ROPEWALK_CHECK(world.size() % size == 0, "the ranks do not divide into context groups");
  if (size == 1) return {};
  std::vector<int> sharing(static_cast<size_t>(size));
  std::iota(sharing.begin(), sharing.end(), world.rank() / size * size);
  return {world.subgroup(sharing), config.context_parallel_method};
}

at::Tensor ContextParallel::piece(const at::Tensor& rows_BT) const {
  if (size() == 1) return rows_BT;
  const std::vector<int64_t> columns = piece_columns(rows_BT.size(1), size(), rank());
  return rows_BT.index_select(1, at::tensor(columns, at::kLong).to(rows_BT.device()));
}

std::shared_ptr<const ops::SequencePart> ContextParallel::part(const RowBatch& batch) const {
  if (size() == 1) return nullptr;
  const RowShape row{batch.tokens_BT.size(0), batch.tokens_BT.size(1), batch.document_lengths};
  return std::make_shared<ContextPart>(context_, method_, row, batch.tokens_BT.device());
}

at::Tensor ContextParallel::loss_sum(Decoder& decoder, const RowBatch& batch) const {
  if (size() == 1) {
    return decoder.loss_sum(batch.tokens_BT, batch.targets_BT, documents_of(batch));
  }
  return decoder.loss_sum(piece(batch.tokens_BT), piece(batch.targets_BT), part(batch));
}

}  // namespace ropewalk::parallel

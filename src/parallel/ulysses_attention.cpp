// B batch, N ranks, H heads, h = H / N, T tokens of a piece, D head size.
#include "parallel/ulysses_attention.h"

#include <ATen/ATen.h>

#include <numeric>

#include "parallel/group_handle.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::parallel {
namespace {

// Its own inverse, and so its own backward.
class AllToAll : public torch::autograd::Function<AllToAll> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* ctx,
                            const at::Tensor& rows,
                            const c10::intrusive_ptr<GroupHandle>& ranks) {
    keep_group(ctx, ranks);
    return ranks->group->all_to_all(rows);
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* ctx,
                                               torch::autograd::tensor_list grads) {
    return {kept_group(ctx).all_to_all(grads[0]), {}};
  }
};

at::Tensor all_to_all(const at::Tensor& rows, const std::shared_ptr<dist::Group>& group) {
  return AllToAll::apply(rows, c10::make_intrusive<GroupHandle>(group));
}

// Every head of this rank's tokens -> some heads of all tokens, in the order of the row.
at::Tensor to_heads(const at::Tensor& x_BHTD, const HeadExchange& exchange) {
  const int64_t ranks = exchange.group->size();
  const at::Tensor rows_NBhTD = x_BHTD.unflatten(1, {ranks, -1}).movedim(1, 0);
  const at::Tensor whole_BhNTD = all_to_all(rows_NBhTD, exchange.group).movedim(0, 2);
  return whole_BhNTD.flatten(2, 3).index_select(2, exchange.order_T);
}

at::Tensor to_tokens(const at::Tensor& x_BTE, const HeadExchange& exchange) {
  const int64_t ranks = exchange.group->size();
  const at::Tensor pieces_BTE = x_BTE.index_select(1, exchange.places_T);
  const at::Tensor rows_NBTE = pieces_BTE.unflatten(1, {ranks, -1}).movedim(1, 0);
  return all_to_all(rows_NBTE, exchange.group).movedim(0, 2).flatten(2);
}

at::Tensor repeated(const at::Tensor& x_BHTD, int64_t ranks) {
  const int64_t heads = x_BHTD.size(1), times = ranks / std::gcd(heads, ranks);
  return times == 1 ? x_BHTD : x_BHTD.repeat_interleave(times, 1);
}

// For the tokens of all pieces, one piece after another.
at::Tensor all_places(const SequenceLayout& layout, at::Device device) {
  std::vector<int64_t> places;
  for (int64_t piece = 0; piece < layout.num_pieces(); ++piece) {
    const std::vector<int64_t> of_piece = layout.places(piece);
    places.insert(places.end(), of_piece.begin(), of_piece.end());
  }
  return at::tensor(places, at::kLong).to(device);
}

}  // namespace

HeadExchange::HeadExchange(std::shared_ptr<dist::Group> ranks,
                           const SequenceLayout& layout,
                           std::shared_ptr<const ops::Documents> row_documents,
                           at::Device device)
    : group(std::move(ranks)),
      documents(std::move(row_documents)),
      places_T(all_places(layout, device)),
      order_T(places_T.argsort()) {}

at::Tensor ulysses_attention(const ops::AttentionHeads& heads,
                             const ops::AttentionOptions& options,
                             const HeadExchange& exchange) {
  const int64_t ranks = exchange.group->size(), num_heads = heads.q_BHTD.size(1);
  ROPEWALK_CHECK(num_heads % ranks == 0, "the ranks must divide the heads");
  ops::AttentionOptions whole = options;
  whole.part = nullptr;
  whole.documents = exchange.documents.get();
  if (options.sinks_H.defined()) {
    const int64_t own = num_heads / ranks;
    whole.sinks_H = options.sinks_H.narrow(0, exchange.group->rank() * own, own);
  }
  return to_tokens(ops::causal_attention(to_heads(heads.q_BHTD, exchange),
                                         to_heads(repeated(heads.k_BHTD, ranks), exchange),
                                         to_heads(repeated(heads.v_BHTE, ranks), exchange),
                                         whole),
                   exchange);
}

}  // namespace ropewalk::parallel

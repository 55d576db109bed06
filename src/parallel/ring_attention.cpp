// B batch, H query heads, Hkv key-value heads, T tokens of a piece, D head size, E of the values.
#include "parallel/ring_attention.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <limits>

namespace ropewalk::parallel {
namespace {

using ops::AttentionHeads;
using ops::AttentionResult;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

constexpr int kKeysLane = 0, kGradientsLane = 1;

struct RingCall : torch::CustomClassHolder {
  Ring ring;
  ops::KeyPart scores;  // reach differs by meeting
};

at::TensorOptions wide_options(const at::Tensor& x) {
  return x.options().dtype(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

// Keys and values of one rank, or their gradients, in one piece of memory.
struct KeysAndValues {
  at::Tensor memory, k_BHTD, v_BHTE;

  KeysAndValues(const AttentionHeads& like, const at::TensorOptions& options)
      : memory(at::empty({like.k_BHTD.numel() + like.v_BHTE.numel()}, options)) {
    const auto parts = memory.split_with_sizes({like.k_BHTD.numel(), like.v_BHTE.numel()});
    k_BHTD = parts[0].view(like.k_BHTD.sizes());
    v_BHTE = parts[1].view(like.v_BHTE.sizes());
  }
};

// body(rank whose keys and values are here, keys and values) for every rank of the ring, the own
// first.
template <typename Body>
void go_round(dist::Group& group, const AttentionHeads& heads, Body body) {
  const int size = group.size();
  KeysAndValues here(heads, heads.k_BHTD.options());
  here.k_BHTD.copy_(heads.k_BHTD);
  here.v_BHTE.copy_(heads.v_BHTE);
  KeysAndValues coming = size > 1 ? KeysAndValues(heads, here.memory.options()) : here;
  for (int step = 0; step < size; ++step) {
    dist::Pending transfer;
    if (step + 1 < size) transfer = group.start_shift(here.memory, coming.memory, kKeysLane);
    body((group.rank() + size - step) % size, here);
    transfer.wait();
    std::swap(here, coming);
  }
}

at::Tensor queries_of(const at::Tensor& x, const Meeting& m) {
  return x.narrow(2, m.first_query, m.num_queries);
}
at::Tensor keys_of(const at::Tensor& x, const Meeting& m) {
  return x.narrow(2, m.first_key, m.num_keys);
}

AttentionHeads heads_of(const at::Tensor& q, const KeysAndValues& visitor, const Meeting& m) {
  return {queries_of(q, m), keys_of(visitor.k_BHTD, m), keys_of(visitor.v_BHTE, m)};
}

AttentionResult result_of(const AttentionResult& all, const Meeting& m) {
  return {queries_of(all.out_BHTE, m), queries_of(all.log_totals_BHT, m)};
}

// body(meeting, part of the keys) for all that this rank's queries see of a rank's keys.
template <typename Body>
void for_meetings(const RingCall& call, int keys_of_rank, Body body) {
  const SequenceLayout& layout = *call.ring.layout;
  const int rank = call.ring.group->rank();
  for (const Meeting& m : layout.meetings(rank, keys_of_rank, call.scores.window)) {
    ops::KeyPart part = call.scores;
    part.reach = m.reach;
    body(m, part);
  }
}

// A sink is one more key without a value.
void add_sinks(const AttentionResult& all, const at::Tensor& sinks_H) {
  const at::Tensor sinks_H1 = sinks_H.detach().to(all.log_totals_BHT.scalar_type()).unsqueeze(1);
  const at::Tensor total = at::logaddexp(all.log_totals_BHT, sinks_H1);
  all.out_BHTE.mul_((all.log_totals_BHT - total).exp_().unsqueeze(3));
  all.log_totals_BHT.copy_(total);
}

at::Tensor sinks_gradient(const AttentionResult& all,
                          const at::Tensor& dout_BHTE,
                          const at::Tensor& sinks_H) {
  const at::ScalarType wide = all.log_totals_BHT.scalar_type();
  const at::Tensor delta_BHT = (dout_BHTE.to(wide) * all.out_BHTE).sum(3);
  const at::Tensor share_BHT = (sinks_H.to(wide).unsqueeze(1) - all.log_totals_BHT).exp_();
  return share_BHT.mul_(delta_BHT).sum(at::IntArrayRef{0, 2}).neg_().to(sinks_H.scalar_type());
}

class RingAttention : public torch::autograd::Function<RingAttention> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& q,
                            const at::Tensor& k,
                            const at::Tensor& v,
                            const std::optional<at::Tensor>& sinks,
                            const c10::intrusive_ptr<RingCall>& call) {
    const int64_t batch = q.size(0), heads = q.size(1), tokens = q.size(2);
    const at::TensorOptions wide = wide_options(q);
    const at::Tensor joined = at::zeros({batch, tokens, heads * v.size(3)}, wide);
    const double lowest = -std::numeric_limits<double>::infinity();
    // Tokens first in memory, as the kernels make it.
    const AttentionResult all{ops::by_head(joined, heads),
                              at::full({batch, tokens, heads}, lowest, wide).transpose(1, 2)};
    go_round(*call->ring.group, {q, k, v}, [&](int rank, const KeysAndValues& visitor) {
      for_meetings(*call, rank, [&](const Meeting& m, const ops::KeyPart& part) {
        AttentionResult sum = result_of(all, m);
        ops::add_part(sum, ops::attend_part(heads_of(q, visitor, m), part));
      });
    });
    if (sinks) add_sinks(all, *sinks);
    at::Tensor out = joined.to(q.scalar_type());
    ctx->save_for_backward({q, k, v, sinks.value_or(at::Tensor()), out, all.log_totals_BHT});
    ctx->saved_data["call"] = c10::IValue::make_capsule(call);
    return out;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const auto call =
        c10::static_intrusive_pointer_cast<RingCall>(ctx->saved_data["call"].toCapsule());
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &sinks = saved[3];
    const AttentionResult all{ops::by_head(saved[4], q.size(1)), saved[5]};
    const at::Tensor dout = ops::by_head(grads[0].contiguous(), q.size(1));
    const AttentionHeads heads{q, k, v};
    const at::Tensor dq = at::zeros(q.sizes(), wide_options(q));
    dist::Group& group = *call->ring.group;
    KeysAndValues gathered(heads, wide_options(k));  // gradients of those that are here
    dist::Pending gradients;
    go_round(group, heads, [&](int rank, const KeysAndValues& visitor) {
      KeysAndValues own(heads, wide_options(k));
      own.memory.zero_();
      for_meetings(*call, rank, [&](const Meeting& m, const ops::KeyPart& part) {
        const AttentionHeads d = ops::attend_part_backward(
            heads_of(q, visitor, m), result_of(all, m), queries_of(dout, m), part);
        queries_of(dq, m).add_(d.q_BHTD);
        keys_of(own.k_BHTD, m).add_(d.k_BHTD);
        keys_of(own.v_BHTE, m).add_(d.v_BHTE);
      });
      gradients.wait();
      if (rank != group.rank()) own.memory.add_(gathered.memory);
      gradients = group.start_shift(own.memory, gathered.memory, kGradientsLane);
    });
    gradients.wait();
    return {dq.to(q.scalar_type()),
            gathered.k_BHTD.to(k.scalar_type()),
            gathered.v_BHTE.to(v.scalar_type()),
            sinks.defined() ? sinks_gradient(all, dout, sinks) : at::Tensor(),
            {}};
  }
};

}  // namespace

at::Tensor ring_attention(const AttentionHeads& heads,
                          const ops::AttentionOptions& options,
                          const Ring& ring) {
  auto call = c10::make_intrusive<RingCall>();
  call->ring = ring;
  call->scores = {.scale = options.scale, .softcap = options.softcap, .window = options.window};
  const std::optional<at::Tensor> sinks =
      options.sinks_H.defined() ? std::optional<at::Tensor>(options.sinks_H) : std::nullopt;
  return RingAttention::apply(heads.q_BHTD, heads.k_BHTD, heads.v_BHTE, sinks, call);
}

}  // namespace ropewalk::parallel

// Attention as products of chunks, for what the kernels do not compute: soft-capped scores, sinks,
// and on other devices windows and parts of the keys. Scores are made again in backward.
// n key-value heads of one step, G query heads of each, C queries, K keys of a band.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/attention_paths.h"
#include "ops/checks.h"

namespace ropewalk::ops::attention {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Scores of one step: large enough for the products to run at full speed.
constexpr int64_t kStepScores = int64_t{1} << 22;
constexpr int64_t kLargestChunk = 128, kSmallestChunk = 16;

struct Step {
  int64_t sequence, first_head, num_heads;
  Band band;
  at::Tensor hidden_CK;  // undefined = none
};

// Softmax of one step: everything in the compute type.
class StepScores {
 public:
  StepScores(const AttentionHeads& heads, const KeyPart& part, const at::Tensor& sinks_H)
      : part_(part),
        sight_(heads, part),
        q_(heads.q_BHTD),
        k_(heads.k_BHTD),
        type_(compute_type(q_)) {
    if (sinks_H.defined()) sinks_ = sinks_H.detach().to(type_).view({kv_heads(), -1, 1, 1});
  }

  int64_t kv_heads() const { return k_.size(1); }
  at::ScalarType type() const { return type_; }
  bool has_sinks() const { return sinks_.defined(); }
  bool capped() const { return part_.softcap > 0.0; }
  // What q is multiplied by ahead of the product, and what the result (or its tanh) is after it.
  double inner() const { return capped() ? part_.scale / part_.softcap : part_.scale; }
  double outer() const { return capped() ? part_.softcap : 1.0; }

  // [n, G, C, *] of [B, H, Tq, *], and [n, K, *] of [B, Hkv, Tk, *]; views.
  at::Tensor queries(const at::Tensor& x, const Step& s) const {
    return x.select(0, s.sequence)
        .unflatten(0, {kv_heads(), -1})
        .narrow(0, s.first_head, s.num_heads)
        .narrow(2, s.band.first_query, s.band.num_queries);
  }
  at::Tensor keys(const at::Tensor& x, const Step& s) const {
    return x.select(0, s.sequence)
        .narrow(0, s.first_head, s.num_heads)
        .narrow(1, s.band.first_key, s.band.num_keys);
  }
  // [n, G * C, *] in the compute type.
  at::Tensor rows(const at::Tensor& x, const Step& s) const {
    return queries(x, s).to(type_).flatten(1, 2);
  }
  at::Tensor sinks(const Step& s) const {
    return sinks_.defined() ? sinks_.narrow(0, s.first_head, s.num_heads) : sinks_;
  }

  at::Tensor q_rows(const Step& s) const { return rows(q_, s) * inner(); }
  at::Tensor k_rows(const Step& s) const { return keys(k_, s).to(type_); }

  // [n, G, C, K]: scores / outer(), nothing hidden yet.
  at::Tensor product(const at::Tensor& q, const at::Tensor& k, const Step& s) const {
    at::Tensor scores = at::bmm(q, k.transpose(1, 2));
    if (capped()) scores.tanh_();
    return scores.view({s.num_heads, -1, s.band.num_queries, s.band.num_keys});
  }
  void finish(at::Tensor& scores, const Step& s) const {
    if (capped()) scores.mul_(outer());
    if (!s.hidden_CK.defined()) return;
    scores.masked_fill_(s.hidden_CK, -std::numeric_limits<double>::infinity());
  }

  template <typename Body>
  void for_steps(Body body) const {
    const int64_t queries = sight_.num_queries, keys = sight_.num_keys;
    const int64_t group = q_.size(1) / kv_heads();
    const int64_t widest = sight_.window > 0 ? std::min(keys, sight_.window + kLargestChunk) : keys;
    const int64_t chunk = std::clamp(kStepScores / (group * widest), kSmallestChunk, kLargestChunk);
    for (int64_t begin = 0; begin < queries; begin += chunk) {
      Step s;
      s.band = sight_.band(begin, std::min(chunk, queries - begin));
      if (sight_.hides_some(s.band)) s.hidden_CK = sight_.hidden_keys(s.band, q_.device());
      const int64_t heads = std::clamp<int64_t>(
          kStepScores / (group * s.band.num_queries * s.band.num_keys), 1, kv_heads());
      for (s.sequence = 0; s.sequence < q_.size(0); ++s.sequence) {
        for (s.first_head = 0; s.first_head < kv_heads(); s.first_head += heads) {
          s.num_heads = std::min(heads, kv_heads() - s.first_head);
          body(s);
        }
      }
    }
  }

 private:
  KeyPart part_;
  Sight sight_;
  at::Tensor q_, k_, sinks_;
  at::ScalarType type_;
};

void forward_step(const StepScores& scores,
                  const Step& s,
                  const at::Tensor& v_BHTE,
                  const at::Tensor& out_BHTE,
                  const at::Tensor& log_totals_BHT1) {
  at::Tensor p = scores.product(scores.q_rows(s), scores.k_rows(s), s);
  scores.finish(p, s);
  const at::Tensor sinks = scores.sinks(s);
  at::Tensor top = p.amax(-1, /*keepdim=*/true);
  if (sinks.defined()) top = at::maximum(top, sinks);
  p.sub_(top).exp_();
  at::Tensor total = p.sum(-1, /*keepdim=*/true);
  if (sinks.defined()) total += (sinks - top).exp();
  const at::Tensor out = at::bmm(p.flatten(1, 2), scores.keys(v_BHTE, s).to(scores.type()));
  scores.queries(out_BHTE, s).copy_(out.unflatten(1, {-1, s.band.num_queries}) / total);
  scores.queries(log_totals_BHT1, s).copy_(top + total.log());
}

struct Backward {
  at::Tensor v, out, dout, log_totals;  // heads first
  at::Tensor dq, dk, dv, dsinks_H;      // dk, dv, dsinks: sums in the compute type
};

// With p = exp(scores - log total): dscores = p (dp - delta), delta = sum dout * out; a sink's
// share has no value, so that its gradient is -share * delta.
void backward_step(const StepScores& scores, const Step& s, const Backward& b) {
  const at::Tensor q = scores.q_rows(s), k = scores.k_rows(s);
  const at::Tensor dout = scores.rows(b.dout, s), log_total = scores.queries(b.log_totals, s);
  at::Tensor capped = scores.product(q, k, s);
  at::Tensor p = scores.capped() ? capped.clone() : capped;
  scores.finish(p, s);
  p.sub_(log_total).exp_();
  const at::Tensor delta =
      (dout * scores.rows(b.out, s)).sum(-1).view_as(log_total);  // [n, G, C, 1]
  if (const at::Tensor sinks = scores.sinks(s); sinks.defined()) {
    b.dsinks_H.view({scores.kv_heads(), -1})
        .narrow(0, s.first_head, s.num_heads)
        .sub_(((sinks - log_total).exp() * delta).sum({2, 3}));
  }
  scores.keys(b.dv, s).baddbmm_(p.flatten(1, 2).transpose(1, 2), dout);
  const at::Tensor v = scores.keys(b.v, s).to(scores.type());
  at::Tensor ds = at::bmm(dout, v.transpose(1, 2)).view_as(p).sub_(delta).mul_(p);
  if (scores.capped()) ds.mul_(capped.square_().neg_().add_(1.0));
  ds = ds.flatten(1, 2);
  const double outer = scores.outer();
  scores.queries(b.dq, s).copy_(
      at::bmm(ds, k).mul_(scores.inner() * outer).unflatten(1, {-1, s.band.num_queries}));
  scores.keys(b.dk, s).baddbmm_(ds.transpose(1, 2), q, 1.0, outer);
}

void forward_steps(const StepScores& scores,
                   const at::Tensor& v_BHTE,
                   const AttentionResult& result) {
  const at::Tensor log_totals_BHT1 = result.log_totals_BHT.unsqueeze(3);
  scores.for_steps(
      [&](const Step& s) { forward_step(scores, s, v_BHTE, result.out_BHTE, log_totals_BHT1); });
}

Backward backward_steps(const StepScores& scores,
                        const AttentionHeads& heads,
                        const AttentionResult& all,
                        const at::Tensor& dout_BHTE) {
  const at::Tensor &q = heads.q_BHTD, &k = heads.k_BHTD, &v = heads.v_BHTE;
  const auto wide = q.options().dtype(scores.type());
  const Backward b{v,
                   all.out_BHTE,
                   dout_BHTE,
                   all.log_totals_BHT.unsqueeze(3),
                   at::empty(q.sizes(), q.options()),
                   at::zeros(k.sizes(), wide),
                   at::zeros(v.sizes(), wide),
                   scores.has_sinks() ? at::zeros({q.size(1)}, wide) : at::Tensor()};
  scores.for_steps([&](const Step& s) { backward_step(scores, s, b); });
  return b;
}

class Chunked : public torch::autograd::Function<Chunked> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& q,
                            const at::Tensor& k,
                            const at::Tensor& v,
                            const std::optional<at::Tensor>& sinks,
                            const KeyPart& part) {
    const AttentionHeads heads{q, k, v};
    const at::Tensor joined = at::empty({q.size(0), q.size(2), q.size(1) * v.size(3)}, q.options());
    const AttentionResult result{by_head(joined, q.size(1)), empty_result(heads).log_totals_BHT};
    forward_steps(StepScores(heads, part, sinks.value_or(at::Tensor())), v, result);
    ctx->save_for_backward({q, k, v, sinks.value_or(at::Tensor()), joined, result.log_totals_BHT});
    ctx->saved_data["numbers"] = std::vector<double>{part.scale, part.softcap};
    ctx->saved_data["sight"] = std::vector<int64_t>{part.reach, part.window};
    return joined;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const auto numbers = ctx->saved_data["numbers"].toDoubleVector();
    const auto sight = ctx->saved_data["sight"].toIntVector();
    const AttentionHeads heads{saved[0], saved[1], saved[2]};
    const int64_t num_heads = saved[0].size(1);
    const at::Tensor& sinks = saved[3];
    const StepScores scores(heads, {numbers[0], numbers[1], sight[0], sight[1]}, sinks);
    const Backward b = backward_steps(
        scores, heads, {by_head(saved[4], num_heads), saved[5]}, by_head(grads[0], num_heads));
    const at::ScalarType type = saved[0].scalar_type();
    const at::Tensor dsinks = sinks.defined() ? b.dsinks_H.to(sinks.scalar_type()) : at::Tensor();
    return {b.dq, b.dk.to(type), b.dv.to(type), dsinks, {}};
  }
};

}  // namespace

void products(const AttentionHeads& heads, const KeyPart& part, const AttentionResult& result) {
  forward_steps(StepScores(heads, part, {}), heads.v_BHTE, result);
}

AttentionHeads products_backward(const AttentionHeads& heads,
                                 const AttentionResult& all,
                                 const at::Tensor& dout_BHTE,
                                 const KeyPart& part) {
  const Backward b = backward_steps(StepScores(heads, part, {}), heads, all, dout_BHTE);
  return {b.dq, b.dk, b.dv};
}

at::Tensor chunked(const at::Tensor& q_BHTD,
                   const at::Tensor& k_BHTD,
                   const at::Tensor& v_BHTE,
                   const AttentionOptions& options) {
  const std::optional<at::Tensor> sinks =
      options.sinks_H.defined() ? std::optional<at::Tensor>(options.sinks_H) : std::nullopt;
  const int64_t reach = k_BHTD.size(2) - q_BHTD.size(2);
  return Chunked::apply(q_BHTD,
                        k_BHTD,
                        v_BHTE,
                        sinks,
                        KeyPart{options.scale, options.softcap, reach, options.window});
}

}  // namespace ropewalk::ops::attention

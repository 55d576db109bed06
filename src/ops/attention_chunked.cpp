// Attention as products of chunks, for what the kernels do not compute: soft-capped scores, sinks,
// windows on other devices. Scores are made again in backward.
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
  StepScores(const AttentionOptions& options, const at::Tensor& q_BHTD, const at::Tensor& k_BHTD)
      : options_(options), q_(q_BHTD), k_(k_BHTD), type_(compute_type(q_BHTD)) {
    if (options.sinks_H.defined()) {
      sinks_ = options.sinks_H.detach().to(type_).view({kv_heads(), -1, 1, 1});
    }
  }

  int64_t kv_heads() const { return k_.size(1); }
  at::ScalarType type() const { return type_; }
  bool capped() const { return options_.softcap > 0.0; }
  // What q is multiplied by ahead of the product, and what the result (or its tanh) is after it.
  double inner() const { return capped() ? options_.scale / options_.softcap : options_.scale; }
  double outer() const { return capped() ? options_.softcap : 1.0; }

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
    const int64_t queries = q_.size(2), past = k_.size(2) - queries;
    const int64_t group = q_.size(1) / kv_heads();
    const int64_t widest =
        options_.window > 0 ? std::min(k_.size(2), options_.window + kLargestChunk) : k_.size(2);
    const int64_t chunk = std::clamp(kStepScores / (group * widest), kSmallestChunk, kLargestChunk);
    for (int64_t begin = 0; begin < queries; begin += chunk) {
      Step s;
      s.band = band(begin, std::min(chunk, queries - begin), past, options_.window);
      if (s.band.num_queries > 1) s.hidden_CK = hidden_keys(s.band, options_.window, q_.device());
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
  const AttentionOptions& options_;
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

class Chunked : public torch::autograd::Function<Chunked> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& q,
                            const at::Tensor& k,
                            const at::Tensor& v,
                            const std::optional<at::Tensor>& sinks,
                            const AttentionOptions& options) {
    const int64_t batch = q.size(0), heads = q.size(1), queries = q.size(2), v_dim = v.size(3);
    const StepScores scores(options, q, k);
    const at::Tensor joined = at::empty({batch, queries, heads * v_dim}, q.options());
    const at::Tensor out = joined.view({batch, queries, heads, v_dim}).transpose(1, 2);
    const at::Tensor log_totals =
        at::empty({batch, heads, queries, 1}, q.options().dtype(scores.type()));
    scores.for_steps([&](const Step& s) { forward_step(scores, s, v, out, log_totals); });
    ctx->save_for_backward({q, k, v, sinks.value_or(at::Tensor()), joined, log_totals});
    ctx->saved_data["numbers"] = std::vector<double>{options.scale, options.softcap};
    ctx->saved_data["window"] = options.window;
    return joined;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &sinks = saved[3];
    const auto numbers = ctx->saved_data["numbers"].toDoubleVector();
    const AttentionOptions options{
        numbers[0], ctx->saved_data["window"].toInt(), numbers[1], sinks};
    const StepScores scores(options, q, k);
    const auto heads_of = [&](const at::Tensor& joined) {
      return joined.unflatten(2, {q.size(1), -1}).transpose(1, 2);
    };
    const auto wide = q.options().dtype(scores.type());
    const Backward b{v,
                     heads_of(saved[4]),
                     heads_of(grads[0]),
                     saved[5],
                     at::empty(q.sizes(), q.options()),
                     at::zeros(k.sizes(), wide),
                     at::zeros(v.sizes(), wide),
                     sinks.defined() ? at::zeros({q.size(1)}, wide) : at::Tensor()};
    scores.for_steps([&](const Step& s) { backward_step(scores, s, b); });
    const at::Tensor dsinks = sinks.defined() ? b.dsinks_H.to(sinks.scalar_type()) : at::Tensor();
    return {b.dq, b.dk.to(k.scalar_type()), b.dv.to(v.scalar_type()), dsinks, {}};
  }
};

}  // namespace

at::Tensor chunked(const at::Tensor& q_BHTD,
                   const at::Tensor& k_BHTD,
                   const at::Tensor& v_BHTE,
                   const AttentionOptions& options) {
  const std::optional<at::Tensor> sinks =
      options.sinks_H.defined() ? std::optional<at::Tensor>(options.sinks_H) : std::nullopt;
  return Chunked::apply(q_BHTD, k_BHTD, v_BHTE, sinks, options);
}

}  // namespace ropewalk::ops::attention

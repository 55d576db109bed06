// Checks the inputs and chooses the way to compute.
#include <ATen/ATen.h>

#include "ops/attention_paths.h"
#include "ops/checks.h"
#include "ropewalk/ops/attention.h"

namespace ropewalk::ops {
namespace {

void check_attention(const at::Tensor& q,
                     const at::Tensor& k,
                     const at::Tensor& v,
                     const AttentionOptions& options) {
  const char* op = "causal_attention";
  ROPEWALK_CHECK_ARGUMENT(q.dim() == 4 && q.size(2) > 0, op, "q", q);
  ROPEWALK_CHECK_ARGUMENT(k.dim() == 4 && k.size(0) == q.size(0) && q.size(1) % k.size(1) == 0 &&
                              k.size(2) >= q.size(2) && k.size(3) == q.size(3),
                          op,
                          "k",
                          k);
  ROPEWALK_CHECK_ARGUMENT(
      v.dim() == 4 && v.sizes().slice(0, 3) == k.sizes().slice(0, 3), op, "v", v);
  ROPEWALK_CHECK(options.window >= 0 && options.softcap >= 0.0,
                 "causal_attention: window and softcap may not be negative");
  const at::Tensor& sinks = options.sinks_H;
  ROPEWALK_CHECK_ARGUMENT(
      !sinks.defined() || (sinks.dim() == 1 && sinks.size(0) == q.size(1)), op, "sinks", sinks);
}

void check_documents(const at::Tensor& q, const at::Tensor& k, const Documents& documents) {
  const int64_t total = documents.positions_T.numel();
  ROPEWALK_CHECK(q.size(0) == 1 && q.size(2) == total && k.size(2) == total,
                 "causal_attention: the documents must cover the tokens of one row");
}

at::Tensor within_documents(const at::Tensor& q_BHTD,
                            const at::Tensor& k_BHTD,
                            const at::Tensor& v_BHTE,
                            const AttentionOptions& options) {
  check_documents(q_BHTD, k_BHTD, *options.documents);
  const std::vector<int64_t>& lengths = options.documents->lengths;
  AttentionOptions alone = options;
  alone.documents = nullptr;
  // One split, not a slice for each document: the gradient of a slice has the size of the whole.
  const auto q = q_BHTD.split_with_sizes(lengths, 2), k = k_BHTD.split_with_sizes(lengths, 2),
             v = v_BHTE.split_with_sizes(lengths, 2);
  std::vector<at::Tensor> parts;
  for (size_t n = 0; n < lengths.size(); ++n) {
    parts.push_back(causal_attention(q[n], k[n], v[n], alone));
  }
  return at::cat(parts, 1);
}

}  // namespace

at::Tensor causal_attention(const at::Tensor& q_BHTD,
                            const at::Tensor& k_BHTD,
                            const at::Tensor& v_BHTE,
                            const AttentionOptions& options) {
  check_attention(q_BHTD, k_BHTD, v_BHTE, options);
  if (options.part) return options.part->attention(q_BHTD, k_BHTD, v_BHTE, options);
  if (options.documents) return within_documents(q_BHTD, k_BHTD, v_BHTE, options);
  if (options.window > 0 && q_BHTD.size(2) == 1 && k_BHTD.size(2) > options.window) {
    AttentionOptions unlimited = options;
    unlimited.window = 0;
    return causal_attention(
        q_BHTD, k_BHTD.slice(2, -options.window), v_BHTE.slice(2, -options.window), unlimited);
  }
  const bool window = options.window > 0 && options.window < k_BHTD.size(2);
  if (options.softcap > 0.0 || options.sinks_H.defined() || (window && !q_BHTD.device().is_cpu())) {
    return attention::chunked(q_BHTD, k_BHTD, v_BHTE, options);
  }
  // The kernels take one head size for all: zeros change neither scores nor the values kept.
  const int64_t v_dim = v_BHTE.size(3), width = std::max(q_BHTD.size(3), v_dim);
  const at::Tensor q = attention::widened(q_BHTD, width), k = attention::widened(k_BHTD, width),
                   v = attention::widened(v_BHTE, width);
  const at::Tensor out =
      window ? attention::windowed(q, k, v, options) : attention::plain(q, k, v, options.scale);
  if (v_dim == width) return out;
  return out.unflatten(2, {-1, width}).narrow(3, 0, v_dim).flatten(2);
}

}  // namespace ropewalk::ops

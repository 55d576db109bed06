#include "ops/cpu/attention.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/cpu/dispatch.h"

namespace ropewalk::ops::cpu {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// With fewer sequences and key-value heads than threads, backward lets up to so many threads share
// one, each with its own sums of the keys' and values' gradients.
constexpr int64_t kMostSharing = 4;

HeadView<float> head_view(const at::Tensor& x_BHTD) {
  return {x_BHTD.data_ptr<float>(), x_BHTD.stride(0), x_BHTD.stride(1), x_BHTD.stride(2)};
}

// [B, T, H * Dh] as heads.
HeadView<float> joined_view(const at::Tensor& x_BTE, int64_t head_dim) {
  return {x_BTE.data_ptr<float>(), x_BTE.stride(0), head_dim, x_BTE.stride(1)};
}

at::Tensor dense_rows(const at::Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }

struct Work {
  int64_t batch, kv_heads, blocks, scratch_floats;

  explicit Work(const at::Tensor& q, const at::Tensor& k)
      : batch(q.size(0)),
        kv_heads(k.size(1)),
        blocks((q.size(2) + kAttentionBlock - 1) / kAttentionBlock),
        scratch_floats(attention_scratch(q.size(1) / kv_heads, q.size(3))) {}

  AttentionBlock at(int64_t head, int64_t block) const {
    return {head / kv_heads, head % kv_heads, block};
  }

  // body(index, scratch) for index in [0, count).
  template <typename Body>
  void run(int64_t count, const at::TensorOptions& options, Body body) const {
    const at::Tensor scratch =
        at::empty({std::min<int64_t>(at::get_num_threads(), count), scratch_floats}, options);
    at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
      float* own = scratch.data_ptr<float>() + at::get_thread_num() * scratch_floats;
      for (int64_t i = begin; i < end; ++i) body(i, own);
    });
  }
};

AttentionArgs arguments(const at::Tensor& q,
                        const at::Tensor& k,
                        const at::Tensor& v,
                        double scale) {
  AttentionArgs args{};
  args.q = head_view(q);
  args.k = head_view(k);
  args.v = head_view(v);
  args.tokens = q.size(2);
  args.heads = q.size(1);
  args.kv_heads = k.size(1);
  args.head_dim = q.size(3);
  args.scale = static_cast<float>(scale);
  return args;
}

class CausalAttention : public torch::autograd::Function<CausalAttention> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& q_any,
                            const at::Tensor& k_any,
                            const at::Tensor& v_any,
                            double scale) {
    const at::Tensor q = dense_rows(q_any), k = dense_rows(k_any), v = dense_rows(v_any);
    const Work work(q, k);
    const int64_t tokens = q.size(2), width = q.size(1) * q.size(3);
    at::Tensor out = at::empty({work.batch, tokens, width}, q.options());
    const at::Tensor log_total = at::empty({work.batch, q.size(1), tokens}, q.options());
    AttentionArgs args = arguments(q, k, v, scale);
    args.out = joined_view(out, q.size(3));
    args.log_total = log_total.data_ptr<float>();
    work.run(work.batch * work.kv_heads * work.blocks, q.options(), [&](int64_t i, float* scratch) {
      // Early blocks see few keys, late ones many: taken in turns from both ends, so that equal
      // counts are about equal work.
      const int64_t turn = i % work.blocks, head = i / work.blocks;
      const int64_t block = turn % 2 == 0 ? turn / 2 : work.blocks - 1 - turn / 2;
      kernel_table().attention.forward(args, work.at(head, block), scratch);
    });
    ctx->save_for_backward({q, k, v, out, log_total});
    ctx->saved_data["scale"] = scale;
    return out;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2];
    const at::Tensor out_grad = grads[0].contiguous();
    const Work work(q, k);
    const int64_t units = work.batch * work.kv_heads;
    const int64_t sharing =
        std::clamp<int64_t>(at::get_num_threads() / units, 1, std::min(kMostSharing, work.blocks));
    const auto zeros = [&](const at::Tensor& x, int64_t copies) {
      return at::zeros({copies, x.size(0), x.size(1), x.size(2), x.size(3)}, x.options());
    };
    const at::Tensor q_grad = zeros(q, 1)[0], k_grads = zeros(k, sharing),
                     v_grads = zeros(v, sharing);
    AttentionArgs shared = arguments(q, k, v, ctx->saved_data["scale"].toDouble());
    shared.out = joined_view(saved[3], q.size(3));
    shared.out_grad = joined_view(out_grad, q.size(3));
    shared.log_total = saved[4].data_ptr<float>();
    shared.q_grad = head_view(q_grad);
    const std::vector<at::Tensor> k_shares = k_grads.unbind(0), v_shares = v_grads.unbind(0);
    work.run(sharing * units, q.options(), [&](int64_t i, float* scratch) {
      const int64_t share = i % sharing, head = i / sharing;
      AttentionArgs args = shared;
      args.k_grad = head_view(k_shares[share]);
      args.v_grad = head_view(v_shares[share]);
      for (int64_t block = share; block < work.blocks; block += sharing) {
        kernel_table().attention.backward(args, work.at(head, block), scratch);
      }
    });
    if (sharing == 1) return {q_grad, k_grads[0], v_grads[0], {}};
    return {q_grad, k_grads.sum(0), v_grads.sum(0), {}};
  }
};

}  // namespace

bool takes_causal_attention(const at::Tensor& q_BHTD, const at::Tensor& k_BHTD) {
  const int64_t head_dim = q_BHTD.size(3);
  return q_BHTD.device().is_cpu() && q_BHTD.scalar_type() == at::kFloat &&
         q_BHTD.size(2) == k_BHTD.size(2) && q_BHTD.numel() > 0 && head_dim % 16 == 0 &&
         head_dim <= 256;
}

at::Tensor causal_attention(const at::Tensor& q_BHTD,
                            const at::Tensor& k_BHTD,
                            const at::Tensor& v_BHTD,
                            double scale) {
  return CausalAttention::apply(q_BHTD, k_BHTD, v_BHTD, scale);
}

}  // namespace ropewalk::ops::cpu

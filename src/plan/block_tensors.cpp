// D hidden size, H heads, Hkv key-value heads, F inner size of the MLP, c bytes of a number in the
// compute type. Numbers here are per token.
#include "plan/block_tensors.h"

#include <algorithm>
#include <numeric>

namespace ropewalk::plan {
namespace {

constexpr int64_t kInt64 = 8;

class Listing {
 public:
  Listing(const DecoderSpec& spec, int64_t layer, const RunShape& shape)
      : spec_(spec),
        layer_(spec.layer(layer)),
        shape_(shape),
        c_(shape.compute_bytes()),
        hidden_(spec.hidden_size * c_) {}

  BlockTensors take() {
    keep("block input", Part::kInput, hidden_);
    attention();
    output("attention output", Part::kAttention);
    if (spec_.residual == ResidualKind::kSerial) keep("middle", Part::kMiddle, hidden_);
    if (layer_.experts) {
      experts();
    } else {
      dense_mlp();
    }
    output("MLP output", Part::kMlp);
    updates();
    return std::move(out_);
  }

 private:
  bool is_ulysses() const {
    return shape_.parallel.context_parallel > 1 &&
           shape_.parallel.context_parallel_method == ContextParallelMethod::kUlysses;
  }
  bool cuda() const { return shape_.device == Device::kCuda; }
  void keep(const char* what, Part part, int64_t bytes) {
    if (bytes > 0) out_.kept.push_back({what, part, bytes});
  }
  void step(const char* what, Part part, int64_t bytes, int64_t weight_count) {
    out_.steps.push_back({what, part, bytes, weight_count});
  }

  // The norm ahead of a product, on a tensor that is kept anyway. The fused op makes the normed
  // rows again in backward; the others leave them to the product.
  void norm(const char* what, Part part, bool may_fuse) {
    if (!spec_.pre_norms) return;
    const bool rms = spec_.norm.kind == NormKind::kRms;
    keep("norm statistics", part, rms ? kFp32 : 2 * kFp32);
    if (rms && spec_.norm.weight && may_fuse) return;
    keep(what, part, hidden_);
    if (!rms && cuda() && c_ < kFp32) keep("fp32 rows", part, spec_.hidden_size * kFp32);
  }

  // Result of a half, kept where a norm stands between it and the sum.
  void output(const char* what, Part part) {
    if (!spec_.post_norms) return;
    keep(what, part, hidden_);
    keep("norm statistics", part, 2 * kFp32);
  }

  void attention() {
    const int64_t inputs = spec_.latent ? latent_projections() : grouped_projections();
    attention_kernel();
    // Backward of the norm and the first product: gradients of its result, of the sum behind it,
    // and of the norm's two sides.
    step("first product", Part::kAttention, inputs + 3 * hidden_ + norm_temporaries(), qkv_count());
  }

  int64_t qkv_count() const {
    if (spec_.latent) {
      return spec_.num_heads * spec_.query_dim() *
             std::max(spec_.latent->q_rank, spec_.latent->kv_rank);
    }
    return (spec_.num_heads + 2 * spec_.num_kv_heads) * spec_.head_dim * spec_.hidden_size;
  }

  // RMSNorm's backward without kernels of ours: six fp32 rows.
  int64_t norm_temporaries() const { return cuda() ? 6 * kFp32 * spec_.hidden_size : 0; }

  // Returns the bytes of the merged projection.
  int64_t grouped_projections() {
    const int64_t heads = spec_.num_heads + spec_.num_kv_heads, dim = spec_.head_dim;
    const int64_t qkv = (heads + spec_.num_kv_heads) * dim * c_;
    norm("normed attention input",
         Part::kAttention,
         spec_.residual != ResidualKind::kParallelShared && !is_updated("attention.qkv"));
    if (spec_.qkv_clip > 0.0 && !spec_.qkv_clip_after_norm) {
      keep("unclipped projection", Part::kAttention, qkv);
    }
    if (spec_.qk_norm == QkNorm::kNone) return qkv;
    // The norms keep views of the merged projection; rotated after them, it is kept rotated.
    keep("projection before its norms",
         Part::kAttention,
         spec_.qk_norm_after_rotary ? heads * dim * c_ : qkv);
    keep("norm statistics", Part::kAttention, heads * kFp32);
    if (spec_.qk_norm == QkNorm::kEachHead) {
      keep("normed queries and keys", Part::kAttention, heads * dim * kFp32);
    }
    return qkv;
  }

  int64_t latent_projections() {
    const LatentSpec& latent = *spec_.latent;
    norm("normed attention input", Part::kAttention, /*may_fuse=*/false);
    keep("query rank and its norm", Part::kAttention, 2 * latent.q_rank * c_);
    keep("key-value rank", Part::kAttention, (latent.kv_rank + latent.rope_dim) * c_);
    keep("key-value rank's norm", Part::kAttention, latent.kv_rank * c_ + 2 * kFp32);
    return spec_.num_heads * spec_.query_dim() * c_;
  }

  void attention_kernel() {
    const int64_t heads = spec_.num_heads;
    const int64_t kv_heads =
        (spec_.latent ? heads : spec_.num_kv_heads) * key_value_repeats(spec_, shape_);
    const bool window = layer_.window > 0 && layer_.window < shape_.sequence_length;
    const bool chunked =
        spec_.attention_softcap > 0.0 || spec_.attention_sinks || (window && cuda());
    // The other kernels take one width for all: values are filled up with zeros.
    const int64_t query = spec_.query_dim(), value = spec_.value_dim();
    const int64_t wide = chunked ? query : std::max(query, value);
    const int64_t wide_value = chunked ? value : wide;
    keep("queries", Part::kCore, heads * wide * c_);
    keep("keys", Part::kCore, kv_heads * wide * c_);
    keep("values", Part::kCore, kv_heads * wide_value * c_);
    keep("attended", Part::kCore, heads * wide_value * c_);
    keep("log totals", Part::kCore, heads * kFp32);
    if (is_ulysses()) keep("attended, by tokens", Part::kCore, heads * value * c_);
    if (value != wide_value) keep("narrowed", Part::kAttention, heads * value * c_);
    if (shape_.separate_documents) {
      keep("documents joined", Part::kAttention, heads * value * c_);
    }
    const int64_t sums = chunked || window ? kFp32 : c_;
    int64_t bytes = hidden_ + heads * (value + wide) * c_ + kv_heads * (wide + wide_value) * sums;
    // Flash attention sums dq in fp32, and repeats the heads of groups.
    if (cuda() && !chunked) {
      bytes += heads * wide * kFp32 + (kv_heads < heads ? 2 * heads * wide * c_ : 0);
    }
    step("attention", Part::kAttention, bytes, heads * value * spec_.hidden_size);
  }

  // Backward of gate and activation over `inner` numbers: the gradient that comes, of both halves,
  // and what is composed of tensor ops where there is no kernel of ours.
  int64_t gate_temporaries(int64_t inner) const {
    if (!spec_.gated_mlp) return 3 * inner * c_;
    const bool kernel = !cuda() && spec_.activation == Activation::kSilu;
    if (kernel) return 3 * inner * c_;
    return inner * c_ + (c_ < kFp32 ? 9 * kFp32 + 2 * c_ : 6 * kFp32) * inner;
  }

  void feed_forward(const char* what, int64_t inner) {
    const int64_t width = (spec_.gated_mlp ? 2 : 1) * inner;
    keep(what, Part::kMlp, width * c_);
    if (spec_.activation == Activation::kXielu) keep("activated", Part::kMlp, inner * c_);
    step("MLP's second product",
         Part::kMlp,
         hidden_ + gate_temporaries(inner),
         inner * spec_.hidden_size);
    step("MLP's first product",
         Part::kMlp,
         3 * hidden_ + norm_temporaries(),
         width * spec_.hidden_size);
  }

  void dense_mlp() {
    // A norm that both halves share was listed by attention.
    if (spec_.residual != ResidualKind::kParallelShared) {
      norm("normed MLP input",
           Part::kMlp,
           /*may_fuse=*/!is_updated("mlp.gate_up") && !is_updated("mlp.up"));
    }
    feed_forward("gate and up", spec_.intermediate_size);
    if (is_updated("mlp.down")) keep("activated", Part::kMlp, spec_.intermediate_size * c_);
  }

  bool is_updated(const char* parameter) const {
    return spec_.lora && spec_.lora->find(parameter) != nullptr;
  }

  // x A^T of every low-rank update; what the fused ops keep of x besides is listed with them.
  void updates() {
    if (!spec_.lora) return;
    for (const LoraTarget& target : spec_.lora->targets) {
      const bool attention = target.parameter.starts_with("attention.");
      keep("low-rank products",
           attention ? Part::kAttention : Part::kMlp,
           std::ssize(target.updates) * spec_.lora->rank * c_);
    }
  }

  void experts() {
    const ExpertsSpec& experts = *spec_.experts;
    const int64_t rows = experts.experts_per_token, inner = experts.intermediate_size;
    norm("normed MLP input", Part::kMlp, /*may_fuse=*/false);
    if (c_ < kFp32) keep("router's fp32 input", Part::kMlp, spec_.hidden_size * kFp32);
    keep("router's scores", Part::kMlp, 3 * experts.num_experts * kFp32);
    keep("order of rows", Part::kMlp, rows * (2 * kInt64 + c_));
    keep("experts' rows", Part::kMlp, rows * hidden_);
    keep("experts' gate and up", Part::kMlp, rows * (spec_.gated_mlp ? 2 : 1) * inner * c_);
    keep("experts' activated", Part::kMlp, rows * inner * c_);
    keep("experts' results", Part::kMlp, rows * hidden_);
    const int64_t weight = experts.num_experts * inner * spec_.hidden_size;
    step("experts' second product",
         Part::kMlp,
         hidden_ + rows * (hidden_ + gate_temporaries(inner)),
         weight);
    step("experts' first product",
         Part::kMlp,
         hidden_ + 3 * rows * hidden_,
         (spec_.gated_mlp ? 2 : 1) * weight);
    if (experts.shared_intermediate_size == 0) return;
    feed_forward("shared gate and up", experts.shared_intermediate_size);
    if (experts.shared_gate) keep("shared result", Part::kMlp, hidden_);
  }

  const DecoderSpec& spec_;
  const LayerSpec& layer_;
  const RunShape& shape_;
  int64_t c_, hidden_;
  BlockTensors out_;
};

}  // namespace

int64_t BlockTensors::kept_bytes() const {
  int64_t sum = 0;
  for (const KeptTensor& tensor : kept) sum += tensor.bytes;
  return sum;
}

int64_t BlockTensors::kept_bytes(Part part) const {
  int64_t sum = 0;
  for (const KeptTensor& tensor : kept) {
    if (tensor.part == part) sum += tensor.bytes;
  }
  return sum;
}

BlockTensors block_tensors(const DecoderSpec& spec, int64_t layer, const RunShape& shape) {
  return Listing(spec, layer, shape).take();
}

int64_t key_value_repeats(const DecoderSpec& spec, const RunShape& shape) {
  const ParallelConfig& parallel = shape.parallel;
  if (parallel.context_parallel_method != ContextParallelMethod::kUlysses) return 1;
  const int64_t kv_heads = spec.latent ? spec.num_heads : spec.num_kv_heads;
  return parallel.context_parallel / std::gcd(kv_heads, parallel.context_parallel);
}

HeadBytes head_bytes(const DecoderSpec& spec, int64_t bytes_per_number) {
  const int64_t kv_heads = spec.latent ? spec.num_heads : spec.num_kv_heads;
  return {spec.num_heads * spec.query_dim() * bytes_per_number,
          kv_heads * (spec.query_dim() + spec.value_dim()) * bytes_per_number,
          spec.num_heads * spec.value_dim() * bytes_per_number};
}

}  // namespace ropewalk::plan

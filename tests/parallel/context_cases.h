// Small decoders of families whose attention differs, and batches for them.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "ropewalk/model/decoder.h"
#include "ropewalk/parallel/context_parallel.h"

namespace ropewalk::parallel {

struct DecoderCase {
  const char* name;
  void (*change)(DecoderSpec&);
  std::vector<int64_t> documents = {};  // of two rows of 48

  DecoderSpec spec() const {
    DecoderSpec spec;
    spec.model_type = "llama";
    spec.vocab_size = 50;
    spec.hidden_size = 48;
    spec.intermediate_size = 64;
    spec.num_layers = 2;
    spec.layers.resize(2);
    spec.num_heads = 12;
    spec.num_kv_heads = 4;
    spec.head_dim = 8;
    spec.initializer_range = 0.2;
    spec.rope.head_dim = spec.rope.rotary_dims = 8;
    spec.rope.max_position_embeddings = spec.rope.original_max_position_embeddings = 64;
    change(spec);
    return spec;
  }
};

inline void as_scaled_llama(DecoderSpec& spec) {
  spec.rope.kind = RopeKind::kLinear;
  spec.rope.factor = 4;
  spec.rope.original_max_position_embeddings = 16;
}

// Frequencies that depend on how long the whole sequence is.
inline void as_dynamic_llama(DecoderSpec& spec) {
  spec.rope.kind = RopeKind::kDynamic;
  spec.rope.factor = 4;
  spec.rope.original_max_position_embeddings = 16;
}

inline void as_gemma2(DecoderSpec& spec) {
  spec.attention_softcap = 2.0;
  spec.layers[0].window = 11;
  spec.local_rope = spec.rope;
  spec.local_rope->theta = 100;
  spec.layers[0].rope = LayerRope::kLocal;
}

inline void as_mistral(DecoderSpec& spec) {
  for (LayerSpec& layer : spec.layers) layer.window = 7;
}

inline void as_gpt_oss(DecoderSpec& spec) {
  spec.attention_sinks = true;
  spec.layers[1].window = 9;
}

inline void as_deepseek(DecoderSpec& spec) {
  spec.latent =
      LatentSpec{.q_rank = 10, .kv_rank = 8, .nope_dim = 8, .rope_dim = 4, .value_dim = 6};
  spec.head_dim = 12;
  spec.num_kv_heads = spec.num_heads;
  spec.rope.head_dim = spec.rope.rotary_dims = 4;
  spec.qk_norm_spec = spec.norm;
}

inline void as_mixtral(DecoderSpec& spec) {
  for (LayerSpec& layer : spec.layers) layer.experts = true;
  spec.experts = ExpertsSpec{.num_experts = 6, .experts_per_token = 2, .intermediate_size = 20};
  spec.experts->auxiliary_loss = 0.02;
}

const std::vector<int64_t> kPacked = {1, 30, 3, 14, 48};

const DecoderCase kDecoderCases[] = {
    {"llama, scaled", as_scaled_llama},
    {"llama, scaled, packed", as_scaled_llama, kPacked},
    {"llama, dynamic", as_dynamic_llama},
    {"gemma2", as_gemma2},
    {"gemma2, packed", as_gemma2, kPacked},
    {"mistral", as_mistral},
    {"gpt_oss, packed", as_gpt_oss, kPacked},
    {"deepseek", as_deepseek},
    {"deepseek, packed", as_deepseek, kPacked},
    {"mixtral", as_mixtral},
};

inline std::shared_ptr<Decoder> decoder_of(const DecoderCase& c) {
  auto decoder = build_decoder(c.spec());
  decoder->initialize(3);
  return decoder;
}

inline RowBatch batch_of(const DecoderCase& c) {
  const at::Tensor tokens_BT = at::arange(96).mul(7).remainder(50).view({2, 48});
  at::Tensor targets_BT = (tokens_BT * 3 + 1).remainder(50);
  targets_BT.slice(1, 5, 9).fill_(-100);
  return {tokens_BT, targets_BT, c.documents};
}

}  // namespace ropewalk::parallel

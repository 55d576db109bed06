// What a decoder-only transformer computes, whatever family it came from. The model layer builds
// from this and from nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ropewalk/rope/rope_parameters.h"
#include "ropewalk/spec/experts_spec.h"
#include "ropewalk/spec/lora_spec.h"

namespace ropewalk {

enum class NormKind {
  kRms,    // x / rms(x)
  kLayer,  // (x - mean) / deviation
};

struct NormSpec {
  NormKind kind = NormKind::kRms;
  double eps = 1e-6;
  bool weight = true;
  bool bias = false;
  double weight_offset = 0.0;  // added to the stored weight: Gemma and Nemotron store weight - 1

  bool operator==(const NormSpec&) const = default;
};

// Normalisation of queries and keys.
enum class QkNorm {
  kNone,
  kHead,      // over a head's dimensions, one weight [Dh] for all heads
  kEachHead,  // over a head's dimensions, a weight of its own for each head
  kWhole,     // over all heads together
};

enum class ResidualKind {
  kSerial,         // x += attention(norm(x)); x += mlp(norm(x))
  kParallel,       // x += attention(norm1(x)) + mlp(norm2(x))
  kParallelShared  // x += attention(norm(x)) + mlp(norm(x))
};

enum class Activation { kSilu, kGelu, kGeluTanh, kRelu, kRelu2, kXielu };

// Which positions a layer computes with.
enum class LayerRope { kMain, kLocal, kNone };

struct LayerSpec {
  int64_t window = 0;  // keys that a query sees, itself included; 0 = all before it
  LayerRope rope = LayerRope::kMain;
  bool experts = false;

  bool operator==(const LayerSpec&) const = default;
};

// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1): keys and values come
// out of one low-rank projection, positions are on dimensions of their own. A head's queries and
// keys are nope_dim + rope_dim wide.
struct LatentSpec {
  int64_t q_rank = 0;  // 0: queries are projected at once
  int64_t kv_rank = 0;
  int64_t nope_dim = 0;
  int64_t rope_dim = 0;
  int64_t value_dim = 0;

  bool operator==(const LatentSpec&) const = default;
};

struct DecoderSpec {
  std::string model_type;  // HF's name of the family
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;        // D
  int64_t intermediate_size = 0;  // F of dense layers
  int64_t num_layers = 0;
  int64_t num_heads = 0;     // H
  int64_t num_kv_heads = 0;  // Hkv, divides H
  int64_t head_dim = 0;      // Dh; H * Dh need not be D
  std::vector<LayerSpec> layers;

  NormSpec norm;
  // Norms of serial blocks: before attention and MLP, and on what they give, before it is added.
  bool pre_norms = true;
  bool post_norms = false;
  ResidualKind residual = ResidualKind::kSerial;

  bool qkv_bias = false;
  bool output_bias = false;               // of attention's output projection
  std::optional<double> attention_scale;  // on the scores; absent: 1 / sqrt(Dh)
  double attention_softcap = 0.0;         // 0 = off
  bool attention_sinks = false;           // a learned logit per head without a value
  double qkv_clip = 0.0;                  // projections are clamped to +-; 0 = off
  bool qkv_clip_after_norm = false;       // after the norm of queries and keys
  QkNorm qk_norm = QkNorm::kNone;
  NormSpec qk_norm_spec;
  bool qk_norm_after_rotary = false;
  std::optional<LatentSpec> latent;

  bool gated_mlp = true;  // down(act(gate(x)) * up(x)), else down(act(up(x)))
  Activation activation = Activation::kSilu;
  bool mlp_up_bias = false;  // on gate and up
  bool mlp_down_bias = false;
  std::optional<ExpertsSpec> experts;

  double embedding_scale = 1.0;
  double residual_scale = 1.0;  // on what attention and MLP add
  double logit_scale = 1.0;
  double logit_softcap = 0.0;  // 0 = off
  bool logit_bias = false;
  bool tied_embeddings = false;

  // Dropouts that the config asks for, by key: applied nowhere, so training with them is refused.
  std::vector<std::pair<std::string, double>> dropouts;
  double initializer_range = 0.02;
  std::vector<int64_t> eos_token_ids;
  std::optional<int64_t> bos_token_id;
  RopeParameters rope;
  std::optional<RopeParameters> local_rope;  // of the layers with LayerRope::kLocal
  // Updates that are trained beside the weights; no config.json has any.
  std::optional<LoraSpec> lora;

  bool operator==(const DecoderSpec&) const = default;

  const LayerSpec& layer(int64_t index) const { return layers.at(static_cast<size_t>(index)); }
  // What the scores are multiplied with. DeepSeek scales them with yarn's temperature as well.
  double score_scale() const;
  // Width of a head's queries and keys, and of its values.
  int64_t query_dim() const { return latent ? latent->nope_dim + latent->rope_dim : head_dim; }
  int64_t value_dim() const { return latent ? latent->value_dim : head_dim; }
};

}  // namespace ropewalk

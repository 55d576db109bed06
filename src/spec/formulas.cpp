#include "ropewalk/spec/formulas.h"

namespace ropewalk {
namespace {

struct LayerCounts {
  int64_t matrices = 0;
  int64_t vectors = 0;
};

LayerCounts count_layer(const DecoderSpec& spec) {
  const int64_t query = spec.num_heads * spec.head_dim;
  const int64_t key_value = spec.num_kv_heads * spec.head_dim;
  LayerCounts counts;
  counts.matrices = spec.hidden_size * (query + 2 * key_value)  // q, k, v
                    + query * spec.hidden_size                  // output
                    + 3 * spec.hidden_size * spec.intermediate_size;
  counts.vectors = 2 * spec.hidden_size;  // norms
  if (spec.attention_bias) counts.vectors += query + 2 * key_value + spec.hidden_size;
  if (spec.mlp_bias) counts.vectors += 2 * spec.intermediate_size + spec.hidden_size;
  return counts;
}

}  // namespace

int64_t parameter_count(const DecoderSpec& spec) {
  const LayerCounts layer = count_layer(spec);
  const int64_t embedding = spec.vocab_size * spec.hidden_size;
  return spec.num_layers * (layer.matrices + layer.vectors) + spec.hidden_size + embedding +
         (spec.tied_embeddings ? 0 : embedding);
}

int64_t embedding_parameter_count(const DecoderSpec& spec) {
  return spec.vocab_size * spec.hidden_size;
}

FlopsPerToken flops_per_token(const DecoderSpec& spec, int64_t sequence_length) {
  const double projections = static_cast<double>(spec.num_layers * count_layer(spec).matrices) +
                             static_cast<double>(spec.vocab_size * spec.hidden_size);
  const double keys = (static_cast<double>(sequence_length) + 1.0) / 2.0;
  // Scores and the weighted sum of values: each one multiply-add per key, head and dimension.
  const double attention = 2.0 * keys * static_cast<double>(spec.num_layers) *
                           static_cast<double>(spec.num_heads * spec.head_dim);
  FlopsPerToken flops;
  flops.forward = 2.0 * (projections + attention);
  flops.backward = 2.0 * flops.forward;
  return flops;
}

int64_t weight_bytes(const DecoderSpec& spec, int64_t bytes_per_number) {
  return parameter_count(spec) * bytes_per_number;
}

int64_t checkpoint_bytes(const DecoderSpec& spec, int64_t bytes_per_number) {
  const int64_t moments = 2 * 4;
  const int64_t master = bytes_per_number == 4 ? 0 : 4;
  return parameter_count(spec) * (bytes_per_number + moments + master);
}

int64_t kv_cache_bytes(const DecoderSpec& spec, int64_t num_tokens, int64_t bytes_per_number) {
  return 2 * spec.num_layers * spec.num_kv_heads * spec.head_dim * num_tokens * bytes_per_number;
}

}  // namespace ropewalk

#include "ropewalk/spec/formulas.h"

#include "ropewalk/spec/parameters.h"

namespace ropewalk {
namespace {

// Multiply-adds of one token with a parameter.
double products(const DecoderSpec& spec, const ParameterShape& parameter) {
  const auto count = static_cast<double>(parameter.count());
  switch (parameter.role) {
    case ParameterRole::kMatrix:
    case ParameterRole::kLoraA:
    case ParameterRole::kLoraB:
      return count;
    case ParameterRole::kEmbedding:
      return spec.tied_embeddings ? count : 0.0;
    case ParameterRole::kExperts:
      return count * static_cast<double>(spec.experts->experts_per_token) /
             static_cast<double>(spec.experts->num_experts);
    case ParameterRole::kVector:
      return 0.0;
  }
  return 0.0;
}

// Keys that the average query of a sequence sees.
double mean_keys(int64_t window, int64_t sequence_length) {
  const auto length = static_cast<double>(sequence_length);
  if (window <= 0 || window >= sequence_length) return (length + 1.0) / 2.0;
  const auto seen = static_cast<double>(window);
  return seen - seen * (seen - 1.0) / (2.0 * length);
}

}  // namespace

int64_t parameter_count(const DecoderSpec& spec) {
  int64_t count = 0;
  for_each_parameter(spec, [&](const ParameterShape& parameter) {
    if (parameter.trainable) count += parameter.count();
  });
  return count;
}

int64_t embedding_parameter_count(const DecoderSpec& spec) {
  return spec.vocab_size * spec.hidden_size;
}

FlopsPerToken flops_per_token(const DecoderSpec& spec, int64_t sequence_length) {
  double multiply_adds = 0.0;
  for_each_parameter(
      spec, [&](const ParameterShape& parameter) { multiply_adds += products(spec, parameter); });
  // Scores and the weighted sum of values: each one multiply-add per key, head and dimension.
  for (const LayerSpec& layer : spec.layers) {
    multiply_adds += mean_keys(layer.window, sequence_length) *
                     static_cast<double>(spec.num_heads * (spec.query_dim() + spec.value_dim()));
  }
  FlopsPerToken flops;
  flops.forward = 2.0 * multiply_adds;
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
  const int64_t heads = spec.latent ? spec.num_heads : spec.num_kv_heads;
  return spec.num_layers * heads * (spec.query_dim() + spec.value_dim()) * num_tokens *
         bytes_per_number;
}

}  // namespace ropewalk

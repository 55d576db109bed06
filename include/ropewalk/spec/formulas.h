// Sizes and costs of a model from its spec alone; nothing is allocated.
#pragma once

#include <cstdint>

#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

// Trainable numbers; a tied embedding counts once.
int64_t parameter_count(const DecoderSpec& spec);
// Those of them that are looked up, not multiplied (the input embedding).
int64_t embedding_parameter_count(const DecoderSpec& spec);

struct FlopsPerToken {
  double forward = 0.0;
  double backward = 0.0;  // twice the forward: gradients of inputs and of weights
  double total() const { return forward + backward; }
};

// Averaged over a sequence of this length. Counted: 2 operations per multiply-add of the matrix
// products, with causal attention's real work, (T + 1) / 2 keys for the average query (many tables
// count T). Not counted: norms, activations, softmax, recomputation.
FlopsPerToken flops_per_token(const DecoderSpec& spec, int64_t sequence_length);

// Bytes of the weights on disk, without headers.
int64_t weight_bytes(const DecoderSpec& spec, int64_t bytes_per_number);
// Bytes of a resumable checkpoint: weights as written, two fp32 moments and, where the weights are
// not written in fp32, fp32 master weights.
int64_t checkpoint_bytes(const DecoderSpec& spec, int64_t bytes_per_number);
// Bytes of keys and values for one sequence.
int64_t kv_cache_bytes(const DecoderSpec& spec, int64_t num_tokens, int64_t bytes_per_number);

}  // namespace ropewalk

// What a block's ops hold, per token: the tensors that forward keeps for backward, and what
// backward holds beside them at its largest steps.
#pragma once

#include <cstdint>
#include <vector>

#include "ropewalk/plan/run_shape.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk::plan {

constexpr int64_t kFp32 = 4;  // bytes

enum class Part {
  kInput,      // the block's input
  kCore,       // what the attention kernel keeps: q, k, v, its result, log totals
  kAttention,  // the rest of attention's half
  kMiddle,     // the sum between the halves
  kMlp,        // the MLP's half
};

struct KeptTensor {
  const char* what;
  Part part;
  int64_t bytes;  // per token
};

// A point of backward: bytes of activations' gradients and temporaries per token, and the numbers
// of the weight whose gradient is made.
struct BackwardStep {
  const char* what;
  Part part;  // kMlp: everything kept is still there; kAttention: the MLP's part is gone
  int64_t bytes;
  int64_t weight_count;
};

struct BlockTensors {
  std::vector<KeptTensor> kept;
  std::vector<BackwardStep> steps;

  int64_t kept_bytes() const;
  int64_t kept_bytes(Part part) const;
};

BlockTensors block_tensors(const DecoderSpec& spec, int64_t layer, const RunShape& shape);

// Queries, keys, values and the result of attention, per token: what context parallelism moves.
struct HeadBytes {
  int64_t queries, keys_values, result;
};
// Under `ulysses` heads of keys and values are repeated until each rank has its own.
int64_t key_value_repeats(const DecoderSpec& spec, const RunShape& shape);
HeadBytes head_bytes(const DecoderSpec& spec, int64_t bytes_per_number);

}  // namespace ropewalk::plan

// Bytes that one rank of a training run needs, by what they are for, from the model's spec and the
// run's shape alone. The formulas mirror the ops and the engine: src/plan/block_tensors.cpp lists
// what each op keeps for backward, include/ropewalk/plan/engine_facts.h holds every constant.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "ropewalk/plan/engine_facts.h"
#include "ropewalk/plan/run_shape.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk::plan {

enum class Use {
  kWeights,        // as the optimizer has them: whole, or this rank's shard
  kGradients,      // summed over micro-batches: whole, or this rank's shard
  kMoments,        // both of AdamW
  kActivations,    // what forward leaves for backward
  kWorking,        // temporary: a recomputed block, gradients of activations, a weight's gradient
  kLogits,         // of one chunk of the loss
  kHeadGradient,   // the output projection's gradient, made together with the loss
  kGathered,       // weights gathered whole and gradients not yet reduced, of sharded kinds
  kCommunication,  // buffers of collectives
  kSavedCopy,  // of a checkpoint that is written in the background, where it lies beside the rest
  kRuntime,    // the program itself and its libraries
  kSlack,      // lost between the allocator's blocks
};
constexpr int64_t kNumUses = 12;
const char* use_name(Use use);  // "weights", "head_gradient"

using UseBytes = std::array<int64_t, kNumUses>;
inline int64_t& of(UseBytes& bytes, Use use) { return bytes[static_cast<size_t>(use)]; }
inline int64_t of(const UseBytes& bytes, Use use) { return bytes[static_cast<size_t>(use)]; }
int64_t total(const UseBytes& bytes);

// Points of a step at which memory may be at its highest.
enum class Moment {
  kLoss,       // forward is done, the loss computes its chunks
  kBlock,      // backward of the block that needs most, with all that forward left
  kEmbedding,  // backward has come to the embedding
};
const char* moment_name(Moment moment);  // "loss", "block backward"

struct MemoryAt {
  Moment moment = Moment::kLoss;
  UseBytes bytes{};
};

struct MemoryPlan {
  std::vector<MemoryAt> moments;
  int64_t host_bytes = 0;  // in host memory beside a GPU: offloading, and copies of checkpoints
  const MemoryAt& peak() const;
  int64_t peak_bytes() const { return total(peak().bytes); }
};

struct ModelSizes;

// Counts the model's sizes once, so that many shapes can be compared.
class MemoryModel {
 public:
  explicit MemoryModel(const DecoderSpec& spec, const EngineFacts& facts = {});

  MemoryPlan plan(const RunShape& shape) const;
  // The longest sequence whose peak is at most `memory_bytes`, 0 if none is; a multiple of what the
  // shape's context parallelism divides, and of 128 where it is long enough.
  int64_t longest_sequence(const RunShape& shape, int64_t memory_bytes) const;

 private:
  std::shared_ptr<const ModelSizes> sizes_;
  EngineFacts facts_;
};

}  // namespace ropewalk::plan

// S ranks of a shard, N ranks of a sequence.
#include "ropewalk/plan/sent_bytes.h"

#include <algorithm>

#include "plan/block_tensors.h"
#include "plan/model_sizes.h"

namespace ropewalk::plan {
namespace {

// Counts that no job has, and that a config accepts, stop here instead of overflowing.
constexpr int64_t kMostBytes = int64_t{1} << 50;

int64_t times(int64_t count, int64_t bytes) {
  int64_t product = 0;
  if (__builtin_mul_overflow(count, bytes, &product)) return kMostBytes;
  return std::min(product, kMostBytes);
}

// One pass of a ring over the ranks.
int64_t ring_pass(int64_t bytes, int64_t ranks) { return bytes * (ranks - 1) / ranks; }

// How often a step gathers a unit's weights. Kinds that keep whole weights, and the root: once.
// `fsdp`: a block for its forward and again for its backward in every micro-step; the last block
// stays between the two.
int64_t gathers(const RunShape& shape, bool root, bool last_block) {
  if (root || shape.parallel.data_parallel != DataParallelKind::kFsdp) return 1;
  return shape.micro_steps() * (last_block ? 1 : 2);
}

int64_t reductions(const RunShape& shape) {
  return shape.parallel.data_parallel == DataParallelKind::kZero1 ? 1 : shape.micro_steps();
}

int64_t parameter_bytes(const ModelSizes& model, const RunShape& shape) {
  if (!shape.is_sharded()) return 2 * ring_pass(model.count() * kFp32, shape.ranks);
  const int64_t ranks = shape.shard_ranks(), last = model.spec.num_layers;
  int64_t bytes = 0, index = 0;  // of units: the root, then the blocks
  model.for_each_unit([&](const UnitSizes& unit) {
    const ShardSizes sizes = shards_of(unit, shape);
    bytes +=
        times(gathers(shape, index == 0, index == last), ring_pass(sizes.gathered_bytes, ranks)) +
        times(reductions(shape), ring_pass(sizes.whole * shape.reduce_bytes(), ranks));
    ++index;
  });
  return bytes;
}

int64_t copies_bytes(const ModelSizes& model, const RunShape& shape) {
  if (!shape.is_sharded()) return 0;
  const int64_t copies = shape.ranks / shape.shard_ranks();
  int64_t bytes = 0;
  model.for_each_unit([&](const UnitSizes& unit) {
    for (const FlatSizes& flat : flats_of(unit, shape)) {
      bytes += 2 * ring_pass(flat.shard * kFp32, copies);
    }
  });
  return bytes;
}

// Per token of a rank and layer.
int64_t attention_bytes(const DecoderSpec& spec, const RunShape& shape) {
  const int64_t ranks = shape.parallel.context_parallel;
  const HeadBytes heads = head_bytes(spec, shape.compute_bytes());
  // Forward, made again in backward where the whole block is.
  const int64_t forwards = shape.parallel.recompute == Recompute::kBlock ? 2 : 1;
  if (shape.parallel.context_parallel_method == ContextParallelMethod::kRing) {
    // Keys and values go on to each of the others, in forward and in backward; there their
    // gradients go all the way round.
    return (forwards + 1) * (ranks - 1) * heads.keys_values +
           ranks * head_bytes(spec, kFp32).keys_values;
  }
  const int64_t repeated = heads.keys_values * key_value_repeats(spec, shape);
  return (forwards + 1) * ring_pass(heads.queries + repeated + heads.result, ranks);
}

}  // namespace

SentBytes sent_bytes(const ModelSizes& model, const RunShape& shape) {
  SentBytes sent;
  sent.parameters = parameter_bytes(model, shape);
  sent.copies = copies_bytes(model, shape);
  if (shape.parallel.context_parallel > 1) {
    const int64_t of_token = model.spec.num_layers * attention_bytes(model.spec, shape);
    sent.attention = times(shape.micro_steps(), times(shape.tokens(), of_token));
  }
  return sent;
}

SentBytes sent_bytes(const DecoderSpec& spec, const RunShape& shape) {
  return sent_bytes(measure_model(spec), shape);
}

}  // namespace ropewalk::plan

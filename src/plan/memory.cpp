// N tokens of a rank, c bytes of a number in the compute type.
#include "ropewalk/plan/memory.h"

#include <algorithm>
#include <numeric>

#include "plan/block_tensors.h"
#include "plan/model_sizes.h"
#include "plan/saved_copy.h"

namespace ropewalk::plan {
namespace {

constexpr int64_t kBatchBytes = 2 * 8;  // a token and its target

// One run shape on one model.
class Estimate {
 public:
  Estimate(const ModelSizes& model, const EngineFacts& facts, const RunShape& shape)
      : model_(model),
        facts_(facts),
        shape_(shape),
        kind_(shape.parallel.data_parallel),
        cuda_(shape.device == Device::kCuda),
        c_(shape.compute_bytes()),
        tokens_(shape.tokens()),
        hidden_(model.spec.hidden_size * c_ * tokens_),
        shards_(shards_of(model, shape)),
        root_shards_(shards_of(model.root, shape)) {
    for (const LayerKind& kind : model.kinds) {
      blocks_.push_back(block_tensors(model.spec, kind.first, shape));
      block_shards_.push_back(shards_of(kind.sizes, shape));
    }
    left_.push_back(inputs_bytes());
    for (int64_t layer = 0; layer < num_layers(); ++layer) {
      left_.push_back(left_.back() + left_by(block(layer)) * tokens_);
    }
  }

  MemoryPlan run() const {
    MemoryPlan plan;
    plan.moments = {at_loss(), at_block(), at_embedding()};
    for (MemoryAt& at : plan.moments) add_slack(at.bytes);
    plan.host_bytes = host_bytes();
    return plan;
  }

 private:
  int64_t num_layers() const { return model_.spec.num_layers; }
  size_t kind_of(int64_t layer) const { return model_.kind_of_layer[static_cast<size_t>(layer)]; }
  const BlockTensors& block(int64_t layer) const { return blocks_[kind_of(layer)]; }
  const ShardSizes& block_shards(int64_t layer) const { return block_shards_[kind_of(layer)]; }
  const UnitSizes& sizes(int64_t layer) const { return model_.kind(layer).sizes; }
  int64_t head_count() const { return model_.spec.vocab_size * model_.spec.hidden_size; }
  // Of a gradient as backward makes it.
  int64_t gradient_bytes() const { return shape_.is_sharded() ? c_ : kFp32; }
  bool is_fsdp() const { return kind_ == DataParallelKind::kFsdp; }
  // `zero1` sums whole gradients over the micro-steps.
  bool sums_whole_gradients() const {
    return kind_ == DataParallelKind::kZero1 && shape_.micro_steps() > 1;
  }
  // Numbers of the optimizer's state that this rank has.
  int64_t state_count() const { return shape_.is_sharded() ? shards_.shard : model_.count(); }
  int64_t trained(int64_t bytes) const {
    return static_cast<int64_t>(static_cast<double>(bytes) * shape_.trained_share);
  }

  // What lasts through the step.
  UseBytes lasting() const {
    const int64_t state = state_count() * kFp32;
    UseBytes bytes{};
    of(bytes, Use::kWeights) = state;
    of(bytes, Use::kGradients) =
        trained(state + (sums_whole_gradients() ? shards_.whole * kFp32 : 0));
    if (!shape_.offloads_optimizer()) of(bytes, Use::kMoments) = trained(2 * state);
    of(bytes, Use::kCommunication) = reducer_bytes(of(bytes, Use::kGradients));
    if (!cuda_) of(bytes, Use::kSavedCopy) = copy_bytes();
    of(bytes, Use::kRuntime) = runtime_bytes();
    return bytes;
  }

  int64_t copy_bytes() const {
    return saved_copy_bytes({.weights = state_count(), .moments = trained(2 * state_count())},
                            shape_);
  }

  int64_t runtime_bytes() const {
    if (cuda_) return facts_.cuda_runtime_bytes;
    return facts_.cpu_runtime_bytes + (c_ < kFp32 ? facts_.cpu_bf16_runtime_bytes : 0);
  }

  // Of c10d's reducer under `ddp`, beside the buckets that gradients are views of.
  int64_t reducer_bytes(int64_t gradients) const {
    if (shape_.ranks == 1 || shape_.is_sharded()) return 0;
    const int64_t unsettled = shape_.micro_steps() > 1 ? facts_.unsettled_gradients * gradients : 0;
    const int64_t bucket = std::min(shape_.parallel.bucket_mib << 20, gradients);
    return unsettled + (cuda_ ? 0 : facts_.gloo_buckets * bucket);
  }

  // Whole weights of a block. Kinds that keep all of them count them as lasting_weights().
  int64_t whole_block(int64_t layer) const {
    return is_fsdp() && layer >= 0 ? block_shards(layer).gathered_bytes : 0;
  }
  // Whole weights that stay throughout; a shard is a part of them where they are fp32 too.
  int64_t lasting_weights() const {
    if (!shape_.is_sharded()) return 0;
    if (is_fsdp()) return root_shards_.gathered_bytes;
    return shards_.gathered_bytes - shards_.fp32_shard * kFp32;
  }

  // While a unit's gradients are on their way: the flat buffer, this rank's part of the sum, and on
  // CPUs what Gloo sums and receives in.
  int64_t reduction(const ShardSizes& flat) const {
    if (shape_.shard_ranks() == 1) return flat.shard * shape_.reduce_bytes();
    const bool sent_as_summed = sums_whole_gradients() && shape_.reduce_bytes() == kFp32;
    const int64_t copies = (sent_as_summed ? 0 : 1) + (cuda_ ? 0 : facts_.gloo_sum_copies);
    const int64_t parts = 1 + (cuda_ ? 0 : facts_.gloo_sum_parts);
    return (copies * flat.whole + parts * flat.shard) * shape_.reduce_bytes();
  }
  // While a unit's gradients are copied into the flat buffer.
  void add_collection(UseBytes& bytes, const UnitSizes& unit, const ShardSizes& flat) const {
    of(bytes, Use::kGathered) += unit.bytes(c_);
    if (sums_whole_gradients()) return;
    const bool in_fp32 = kind_ == DataParallelKind::kZero1;
    of(bytes, Use::kCommunication) += flat.whole * (in_fp32 ? kFp32 : shape_.reduce_bytes());
  }

  // Cosine and sine of every position, those of the rank's own again, and the batch.
  int64_t inputs_bytes() const {
    const int64_t pieces = shape_.parallel.context_parallel;
    const int64_t positions =
        shape_.sequence_length + (pieces > 1 ? shape_.sequence_length / pieces : 0);
    return tokens_ * kBatchBytes + positions * model_.spec.rope.rotary_dims * kFp32;
  }

  // Per token, of one block, between its forward and its backward.
  int64_t left_by(const BlockTensors& block) const {
    const int64_t input = shape_.offloads_inputs() ? 0 : block.kept_bytes(Part::kInput);
    switch (shape_.parallel.recompute) {
      case Recompute::kNone:
        return block.kept_bytes();
      case Recompute::kSelective:
        return input + block.kept_bytes(Part::kCore) +
               (facts_.selective_keeps_middle ? block.kept_bytes(Part::kMiddle) : 0);
      case Recompute::kBlock:
        break;
    }
    return input;
  }

  // Of the first `layers` blocks, and the inputs.
  int64_t left_through(int64_t layers) const { return left_[static_cast<size_t>(layers)]; }

  MemoryAt at_loss() const {
    MemoryAt at{Moment::kLoss, lasting()};
    const int64_t vocab = model_.spec.vocab_size,
                  chunk = std::min(shape_.loss_chunk_tokens, tokens_);
    // With the final norm's input and statistics.
    of(at.bytes, Use::kActivations) = left_through(num_layers()) + hidden_ + tokens_ * kFp32;
    // The final norm's result, its gradient and the loss of every token.
    of(at.bytes, Use::kWorking) = 2 * hidden_ + tokens_ * kFp32;
    if (c_ < kFp32) {
      // A chunk's product, and under ddp the weight cast at use.
      of(at.bytes, Use::kWorking) += head_count() * c_ * (shape_.is_sharded() ? 1 : 2);
    }
    // Without our kernels the loss is made of tensor ops in fp32.
    const int64_t composed = c_ < kFp32 ? 2 * kFp32 + c_ : kFp32;
    const bool capped = model_.spec.logit_softcap > 0.0;
    of(at.bytes, Use::kLogits) =
        chunk * vocab * (c_ + (cuda_ ? composed : 0) + (capped ? 2 * kFp32 : 0));
    of(at.bytes, Use::kHeadGradient) = head_count() * kFp32;
    of(at.bytes, Use::kGathered) = lasting_weights() + whole_block(num_layers() - 1);
    return at;
  }

  // A tied head's gradient waits for the embedding's; a sharded root's is reduced as a whole.
  int64_t waiting_head_gradient() const {
    const bool waits = model_.spec.tied_embeddings || shape_.is_sharded();
    return waits ? head_count() * gradient_bytes() : 0;
  }

  MemoryAt at_block() const {
    MemoryAt highest{Moment::kBlock, lasting()};
    const auto consider = [&](const MemoryAt& at) {
      if (total(at.bytes) > total(highest.bytes)) highest = at;
    };
    for (int64_t layer = 0; layer < num_layers(); ++layer) {
      for (const BackwardStep& step : block(layer).steps) consider(at_step(layer, step));
      if (shape_.is_sharded()) consider(after_block(layer));
    }
    return highest;
  }

  MemoryAt in_backward(int64_t layer) const {
    MemoryAt at{Moment::kBlock, lasting()};
    // The block before is gathered meanwhile, and the gradients of the one behind are on their way.
    of(at.bytes, Use::kGathered) = lasting_weights() + whole_block(layer) + whole_block(layer - 1);
    of(at.bytes, Use::kHeadGradient) = waiting_head_gradient();
    return at;
  }

  MemoryAt at_step(int64_t layer, const BackwardStep& step) const {
    MemoryAt at = in_backward(layer);
    const BlockTensors& tensors = block(layer);
    of(at.bytes, Use::kActivations) = left_through(layer + 1);
    int64_t working = (step.bytes + exchange_bytes(step.part)) * tokens_;
    if (step.part == Part::kAttention) working -= tensors.kept_bytes(Part::kMlp) * tokens_;
    if (shape_.parallel.recompute != Recompute::kNone) {
      // The block as forward would have left it, and its result.
      working += (tensors.kept_bytes() - left_by(tensors)) * tokens_ + hidden_;
      if (shape_.offloads_inputs()) working += hidden_;  // the next block's input on its way
    }
    if (shape_.is_sharded()) {
      of(at.bytes, Use::kGathered) += sizes(layer).bytes(c_);
      if (layer + 1 < num_layers()) {
        of(at.bytes, Use::kCommunication) += reduction(block_shards(layer + 1));
      }
    } else {
      // The gradient ahead of its addition; in bf16 also the product it is cast from.
      working += step.weight_count * (c_ < kFp32 ? c_ + kFp32 : kFp32);
    }
    of(at.bytes, Use::kWorking) = working;
    return at;
  }

  MemoryAt after_block(int64_t layer) const {
    MemoryAt at = in_backward(layer);
    of(at.bytes, Use::kActivations) = left_through(layer);
    of(at.bytes, Use::kWorking) = 2 * hidden_;  // the gradient of the block's input, and its sum
    add_collection(at.bytes, sizes(layer), block_shards(layer));
    return at;
  }

  // Per token: what attention holds in backward for the ranks of a sequence.
  int64_t exchange_bytes(Part part) const {
    if (shape_.parallel.context_parallel == 1 || part != Part::kAttention) return 0;
    const HeadBytes heads = head_bytes(model_.spec, c_), wide = head_bytes(model_.spec, kFp32);
    if (shape_.parallel.context_parallel_method == ContextParallelMethod::kUlysses) {
      // What is sent and what is received of the largest.
      return 2 * std::max(heads.queries, heads.result);
    }
    // Keys and values go round, their gradients behind them; queries' gradients are summed.
    return facts_.ring_blocks * heads.keys_values + facts_.ring_gradients * wide.keys_values +
           wide.queries;
  }

  MemoryAt at_embedding() const {
    MemoryAt at{Moment::kEmbedding, lasting()};
    of(at.bytes, Use::kActivations) = inputs_bytes();
    of(at.bytes, Use::kGathered) = lasting_weights();
    of(at.bytes, Use::kHeadGradient) = waiting_head_gradient();
    // Rows are summed in fp32, and cast to the type of the gradient.
    of(at.bytes, Use::kWorking) = hidden_ + (c_ < kFp32 ? 2 * hidden_ : 0) +
                                  head_count() * (kFp32 + (gradient_bytes() < kFp32 ? c_ : 0));
    if (!shape_.is_sharded()) return at;
    of(at.bytes, Use::kCommunication) += reduction(block_shards(0));
    MemoryAt after{Moment::kEmbedding, lasting()};
    of(after.bytes, Use::kActivations) = inputs_bytes();
    of(after.bytes, Use::kGathered) = lasting_weights();
    add_collection(after.bytes, model_.root, root_shards_);
    MemoryAt next{Moment::kEmbedding, lasting()};
    of(next.bytes, Use::kGathered) = lasting_weights();
    of(next.bytes, Use::kCommunication) += reduction(root_shards_);
    if (shape_.micro_steps() > 1 && !sums_whole_gradients()) {
      const int64_t half = num_layers() / 2;
      of(next.bytes, Use::kActivations) = left_through(half);
      of(next.bytes, Use::kGathered) += whole_block(half) + whole_block(half - 1);
    }
    return std::max({at, after, next}, [](const MemoryAt& a, const MemoryAt& b) {
      return total(a.bytes) < total(b.bytes);
    });
  }

  void add_slack(UseBytes& bytes) const {
    int64_t moving = 0;
    for (const Use use : {Use::kActivations,
                          Use::kWorking,
                          Use::kLogits,
                          Use::kHeadGradient,
                          Use::kGathered,
                          Use::kCommunication}) {
      moving += of(bytes, use);
    }
    const double lost = cuda_ ? facts_.cuda_slack : facts_.cpu_slack;
    const int64_t kept =
        shape_.is_sharded() ? facts_.cpu_kept_sharded_bytes : facts_.cpu_kept_bytes;
    of(bytes, Use::kSlack) = static_cast<int64_t>(lost * static_cast<double>(moving)) +
                             (cuda_ ? 0 : std::min(kept, moving));
  }

  int64_t host_bytes() const {
    int64_t bytes = 0;
    if (shape_.offloads_optimizer()) bytes += trained(2 * state_count() * kFp32);
    if (shape_.offloads_inputs()) bytes += num_layers() * hidden_;
    if (cuda_) bytes += copy_bytes();
    return bytes;
  }

  const ModelSizes& model_;
  const EngineFacts& facts_;
  const RunShape& shape_;
  DataParallelKind kind_;
  bool cuda_;
  int64_t c_, tokens_, hidden_;
  ShardSizes shards_, root_shards_;   // of all units, and of the root
  std::vector<BlockTensors> blocks_;  // by kind of layer
  std::vector<ShardSizes> block_shards_;
  std::vector<int64_t> left_;  // by number of blocks
};

}  // namespace

const char* use_name(Use use) {
  switch (use) {
    case Use::kWeights:
      return "weights";
    case Use::kGradients:
      return "gradients";
    case Use::kMoments:
      return "moments";
    case Use::kActivations:
      return "activations";
    case Use::kWorking:
      return "working";
    case Use::kLogits:
      return "logits_chunk";
    case Use::kHeadGradient:
      return "head_gradient";
    case Use::kGathered:
      return "gathered";
    case Use::kCommunication:
      return "communication";
    case Use::kSavedCopy:
      return "saved_copy";
    case Use::kRuntime:
      return "runtime";
    case Use::kSlack:
      return "slack";
  }
  return "";
}

const char* moment_name(Moment moment) {
  switch (moment) {
    case Moment::kLoss:
      return "loss";
    case Moment::kBlock:
      return "block_backward";
    case Moment::kEmbedding:
      return "embedding_backward";
  }
  return "";
}

int64_t total(const UseBytes& bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), int64_t{0});
}

const MemoryAt& MemoryPlan::peak() const {
  return *std::max_element(moments.begin(), moments.end(), [](const auto& a, const auto& b) {
    return total(a.bytes) < total(b.bytes);
  });
}

MemoryModel::MemoryModel(const DecoderSpec& spec, const EngineFacts& facts)
    : sizes_(std::make_shared<ModelSizes>(measure_model(spec))), facts_(facts) {}

MemoryPlan MemoryModel::plan(const RunShape& shape) const {
  return Estimate(*sizes_, facts_, shape).run();
}

int64_t MemoryModel::longest_sequence(const RunShape& shape, int64_t memory_bytes) const {
  constexpr int64_t kRound = 128, kMost = int64_t{1} << 28;
  const int64_t pieces = shape.parallel.context_parallel;
  const int64_t unit = pieces > 1 ? 2 * pieces : 1;
  const auto fits = [&](int64_t units) {
    RunShape longer = shape;
    longer.sequence_length = units * unit;
    return plan(longer).peak_bytes() <= memory_bytes;
  };
  if (!fits(1)) return 0;
  int64_t low = 1, high = kMost / unit;  // low fits
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  const int64_t longest = low * unit, coarse = std::lcm(kRound, unit);
  return longest >= coarse ? longest / coarse * coarse : longest;
}

}  // namespace ropewalk::plan

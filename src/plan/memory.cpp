// N tokens of a rank, c bytes of a number in the compute type.
#include "ropewalk/plan/memory.h"

#include <algorithm>
#include <numeric>

#include "plan/block_tensors.h"
#include "plan/model_sizes.h"

namespace ropewalk::plan {
namespace {

constexpr int64_t kBatchBytes = 2 * 8;  // a token and its target

int64_t share(int64_t bytes, int64_t ranks) { return (bytes + ranks - 1) / ranks; }

// One run shape on one model.
class Estimate {
 public:
  Estimate(const ModelSizes& model, const EngineFacts& facts, const RunShape& shape)
      : model_(model),
        facts_(facts),
        shape_(shape),
        kind_(shape.parallel.data_parallel),
        c_(shape.compute_bytes()),
        tokens_(shape.tokens()),
        hidden_(model.spec.hidden_size * c_ * tokens_) {
    for (const LayerKind& kind : model.kinds) {
      blocks_.push_back(block_tensors(model.spec,
                                      kind.first,
                                      {.compute_bytes = c_,
                                       .device = shape.device,
                                       .sequence_length = shape.sequence_length,
                                       .separate_documents = shape.separate_documents}));
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
  const BlockTensors& block(int64_t layer) const {
    return blocks_[model_.kind_of_layer[static_cast<size_t>(layer)]];
  }
  int64_t head_count() const { return model_.spec.vocab_size * model_.spec.hidden_size; }
  // Of a gradient as backward makes it.
  int64_t gradient_bytes() const { return shape_.is_sharded() ? c_ : kFp32; }
  int64_t reduce_bytes() const {
    return shape_.parallel.reduce_dtype == ReduceDtype::kBf16 ? 2 : kFp32;
  }

  // What lasts through the step.
  UseBytes lasting() const {
    const int64_t all = model_.count() * kFp32, shard = share(all, shape_.shard_ranks());
    const auto trained = [&](int64_t bytes) {
      return static_cast<int64_t>(static_cast<double>(bytes) * shape_.trained_share);
    };
    const int64_t state = shape_.is_sharded() ? shard : all;
    UseBytes bytes{};
    of(bytes, Use::kWeights) = state;
    of(bytes, Use::kGradients) = trained(kind_ == DataParallelKind::kZero1 ? all + shard : state);
    if (!shape_.offloads_optimizer()) of(bytes, Use::kMoments) = trained(2 * state);
    of(bytes, Use::kCommunication) = gloo_bytes(of(bytes, Use::kGradients));
    of(bytes, Use::kRuntime) =
        shape_.device == Device::kCuda ? facts_.cuda_runtime_bytes : facts_.cpu_runtime_bytes;
    return bytes;
  }

  int64_t gloo_bytes(int64_t gradients) const {
    if (shape_.ranks == 1 || shape_.is_sharded() || shape_.device == Device::kCuda) return 0;
    return facts_.gloo_buckets * std::min(shape_.parallel.bucket_mib << 20, gradients);
  }

  // Weights gathered whole while blocks run. In fp32 a shard is a view of the gathered buffer.
  int64_t gathered_weights() const {
    if (!shape_.is_sharded()) return 0;
    if (kind_ == DataParallelKind::kFsdp) {
      const int64_t blocks = std::min(facts_.gathered_blocks, num_layers());
      return model_.root.bytes(c_) + blocks * model_.largest_block().bytes(c_);
    }
    const int64_t shard = share(model_.count() * kFp32, shape_.shard_ranks());
    return model_.bytes(c_) - (c_ == kFp32 ? shard : 0);
  }

  // Cosine and sine of every position, and the batch.
  int64_t inputs_bytes() const {
    const int64_t positions = shape_.sequence_length / shape_.parallel.context_parallel;
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

  // Of all blocks up to `layer`.
  int64_t left_through(int64_t layer) const {
    int64_t per_token = 0;
    for (int64_t l = 0; l <= layer; ++l) per_token += left_by(block(l));
    return per_token * tokens_;
  }

  MemoryAt at_loss() const {
    MemoryAt at{Moment::kLoss, lasting()};
    const int64_t vocab = model_.spec.vocab_size,
                  chunk = std::min(shape_.loss_chunk_tokens, tokens_);
    of(at.bytes, Use::kActivations) = left_through(num_layers() - 1) + inputs_bytes() + hidden_ +
                                      tokens_ * kFp32;  // the final norm's input and statistics
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
        chunk * vocab *
        (c_ + (shape_.device == Device::kCuda ? composed : 0) + (capped ? 2 * kFp32 : 0));
    of(at.bytes, Use::kHeadGradient) = head_count() * gradient_bytes();
    of(at.bytes, Use::kGathered) = gathered_weights();
    return at;
  }

  // A tied head's gradient waits for the embedding's; a sharded root's is reduced as a whole.
  bool head_gradient_waits() const { return model_.spec.tied_embeddings || shape_.is_sharded(); }

  MemoryAt at_block() const {
    MemoryAt highest{Moment::kBlock, lasting()};
    int64_t left = inputs_bytes();
    for (int64_t layer = 0; layer < num_layers(); ++layer) {
      left += left_by(block(layer)) * tokens_;
      for (const BackwardStep& step : block(layer).steps) {
        MemoryAt at{Moment::kBlock, lasting()};
        add_block(at.bytes, layer, step);
        of(at.bytes, Use::kActivations) = left;
        if (total(at.bytes) > total(highest.bytes)) highest = at;
      }
    }
    return highest;
  }

  void add_block(UseBytes& bytes, int64_t layer, const BackwardStep& step) const {
    const BlockTensors& tensors = block(layer);
    const UnitSizes& sizes = model_.kind(layer).sizes;
    int64_t working = step.bytes * tokens_;
    if (step.part == Part::kAttention) working -= tensors.kept_bytes(Part::kMlp) * tokens_;
    if (shape_.parallel.recompute != Recompute::kNone) {
      // The block as forward would have left it, and its result.
      working += (tensors.kept_bytes() - left_by(tensors)) * tokens_ + hidden_;
      if (shape_.offloads_inputs()) working += hidden_;  // the next block's input on its way
    }
    if (!shape_.is_sharded()) {
      // The gradient ahead of its addition; in bf16 also the product it is cast from.
      working += step.weight_count * (c_ < kFp32 ? c_ + kFp32 : kFp32);
    }
    of(bytes, Use::kWorking) = working;
    of(bytes, Use::kGathered) = gathered_weights() + (shape_.is_sharded() ? sizes.bytes(c_) : 0);
    of(bytes, Use::kCommunication) += reduction(sizes) + context_exchange();
    if (head_gradient_waits()) of(bytes, Use::kHeadGradient) = head_count() * gradient_bytes();
  }

  // Flat buffer from which a unit's gradients are reduced.
  int64_t reduction(const UnitSizes& unit) const {
    if (shape_.ranks == 1 || !shape_.is_sharded()) return 0;
    return facts_.reduce_buffers * unit.count() * reduce_bytes();
  }

  int64_t context_exchange() const {
    if (shape_.parallel.context_parallel == 1) return 0;
    const HeadBytes heads = head_bytes(model_.spec, c_), wide = head_bytes(model_.spec, kFp32);
    if (shape_.parallel.context_parallel_method == ContextParallelMethod::kUlysses) {
      return tokens_ * (heads.queries + heads.keys_values + heads.result);
    }
    // Keys and values go round, in backward with their gradients in fp32.
    return facts_.ring_blocks * tokens_ * (heads.keys_values + wide.keys_values);
  }

  MemoryAt at_embedding() const {
    MemoryAt at{Moment::kEmbedding, lasting()};
    of(at.bytes, Use::kActivations) = inputs_bytes();
    of(at.bytes, Use::kWorking) = hidden_ + (c_ < kFp32 ? 2 * hidden_ : 0);
    const int64_t gradient = head_count() * gradient_bytes();
    of(at.bytes, Use::kWorking) += gradient;
    if (head_gradient_waits()) of(at.bytes, Use::kHeadGradient) = gradient;
    of(at.bytes, Use::kGathered) = gathered_weights();
    of(at.bytes, Use::kCommunication) += reduction(model_.root);
    return at;
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
    const bool cuda = shape_.device == Device::kCuda;
    const double lost = cuda ? facts_.cuda_slack : facts_.cpu_slack;
    of(bytes, Use::kSlack) = static_cast<int64_t>(lost * static_cast<double>(moving)) +
                             (cuda ? 0 : std::min(facts_.cpu_kept_bytes, moving));
  }

  int64_t host_bytes() const {
    int64_t bytes = 0;
    if (shape_.offloads_optimizer()) {
      const int64_t all = 2 * model_.count() * kFp32;
      bytes += shape_.is_sharded() ? share(all, shape_.shard_ranks()) : all;
    }
    if (shape_.offloads_inputs()) bytes += num_layers() * hidden_;
    return bytes;
  }

  const ModelSizes& model_;
  const EngineFacts& facts_;
  const RunShape& shape_;
  DataParallelKind kind_;
  int64_t c_, tokens_, hidden_;
  std::vector<BlockTensors> blocks_;  // by kind of layer
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

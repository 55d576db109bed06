#include "ropewalk/plan/step_time.h"

#include <algorithm>

#include "plan/block_tensors.h"
#include "plan/model_sizes.h"
#include "ropewalk/spec/formulas.h"
#include "ropewalk/spec/parameters.h"

namespace ropewalk::plan {
namespace {

// Operations of one token's forward pass by kind.
struct ForwardFlops {
  double products = 0.0;  // all of them
  double head = 0.0;      // those of the output projection
  double queries = 0.0;   // those that make queries, keys and values
  double attention = 0.0;
};

double query_products(const DecoderSpec& spec, const LayerKind& kind) {
  double count = 0.0;
  for (const ParameterShape& parameter : block_parameters(spec, kind.first)) {
    const bool attention = parameter.name.rfind("attention.", 0) == 0;
    const bool output = parameter.name.rfind("attention.output", 0) == 0;
    if (attention && !output && parameter.role == ParameterRole::kMatrix) {
      count += static_cast<double>(parameter.count());
    }
  }
  return 2.0 * count;
}

ForwardFlops forward_flops(const DecoderSpec& spec, const ModelSizes& model, int64_t length) {
  ForwardFlops flops;
  // A sequence of one token has one key for each query.
  const double one_key = 2.0 * static_cast<double>(spec.num_layers * spec.num_heads *
                                                   (spec.query_dim() + spec.value_dim()));
  flops.products = flops_per_token(spec, 1).forward - one_key;
  flops.attention = flops_per_token(spec, length).forward - flops.products;
  flops.head = 2.0 * static_cast<double>(spec.vocab_size * spec.hidden_size);
  for (const size_t kind : model.kind_of_layer) {
    flops.queries += query_products(spec, model.kinds[kind]);
  }
  return flops;
}

// Forward passes of products and of attention for one token, in forward, backward and
// recomputation.
struct Passes {
  double products, attention;
};

Passes passes(const ForwardFlops& forward, Recompute recompute) {
  switch (recompute) {
    case Recompute::kBlock:
      return {3.0 * forward.products + forward.products - forward.head, 4.0 * forward.attention};
    case Recompute::kSelective:
      return {3.0 * forward.products + forward.products - forward.head - forward.queries,
              3.0 * forward.attention};
    case Recompute::kNone:
      break;
  }
  return {3.0 * forward.products, 3.0 * forward.attention};
}

double part_of(int64_t ranks) {
  return static_cast<double>(ranks - 1) / static_cast<double>(ranks);
}

struct Counts {
  double parameters, compute_bytes, micro_steps, tokens;
};

Counts counts_of(const ModelSizes& model, const RunShape& shape) {
  return {static_cast<double>(model.count()),
          static_cast<double>(model.bytes(shape.compute_bytes())),
          static_cast<double>(shape.micro_steps()),
          static_cast<double>(shape.micro_steps() * shape.tokens())};
}

// Rings: an all-gather or a reduce-scatter sends its bytes once, less a rank's own part.
double parameter_traffic(const ModelSizes& model, const RunShape& shape) {
  if (shape.ranks == 1) return 0.0;
  const Counts n = counts_of(model, shape);
  const double fp32 = 4.0 * n.parameters;
  if (shape.parallel.data_parallel == DataParallelKind::kDdp)
    return 2.0 * part_of(shape.ranks) * fp32;
  const double reduced = shape.parallel.reduce_dtype == ReduceDtype::kBf16 ? 0.5 * fp32 : fp32;
  const int64_t shard = shape.shard_ranks();
  double gathers = 1.0, reductions = n.micro_steps;
  if (shape.parallel.data_parallel == DataParallelKind::kZero1) reductions = 1.0;
  if (shape.parallel.data_parallel == DataParallelKind::kFsdp) {
    // Blocks twice a micro-step, the root once.
    const double root = static_cast<double>(model.root.bytes(shape.compute_bytes()));
    gathers = n.micro_steps * (2.0 * n.compute_bytes - root) / n.compute_bytes;
  }
  return part_of(shard) * (gathers * n.compute_bytes + reductions * reduced);
}

// Hybrid: the shards' gradients are summed over the copies of the state.
double copies_traffic(const ModelSizes& model, const RunShape& shape) {
  if (!shape.is_sharded()) return 0.0;
  const double shard = static_cast<double>(shape.shard_ranks());
  const double copies = static_cast<double>(shape.ranks) / shard;
  return 2.0 * (1.0 - 1.0 / copies) * 4.0 * counts_of(model, shape).parameters / shard;
}

double attention_traffic(const ModelSizes& model, const RunShape& shape) {
  const int64_t pieces = shape.parallel.context_parallel;
  if (pieces == 1) return 0.0;
  const Counts n = counts_of(model, shape);
  const HeadBytes narrow = head_bytes(model.spec, shape.compute_bytes());
  const HeadBytes wide = head_bytes(model.spec, kFp32);
  const double again = shape.parallel.recompute == Recompute::kBlock ? 1.0 : 0.0;
  double per_token = 0.0;
  if (shape.parallel.context_parallel_method == ContextParallelMethod::kUlysses) {
    per_token = (2.0 + again) * part_of(pieces) *
                static_cast<double>(narrow.queries + narrow.keys_values + narrow.result);
  } else {
    const auto steps = static_cast<double>(pieces - 1);
    per_token = steps * ((2.0 + again) * static_cast<double>(narrow.keys_values) +
                         static_cast<double>(wide.keys_values));
  }
  return n.tokens * static_cast<double>(model.spec.num_layers) * per_token;
}

double memory_traffic(const ModelSizes& model, const RunShape& shape, const SpeedFacts& facts) {
  const Counts n = counts_of(model, shape);
  double per_token = 0.0;
  for (const size_t kind : model.kind_of_layer) {
    const BlockTensors tensors = block_tensors(model.spec,
                                               model.kinds[kind].first,
                                               {.compute_bytes = shape.compute_bytes(),
                                                .device = shape.device,
                                                .sequence_length = shape.sequence_length,
                                                .separate_documents = shape.separate_documents});
    per_token += static_cast<double>(tensors.kept_bytes());
  }
  const double again = shape.parallel.recompute == Recompute::kNone ? 0.0 : 1.0 / 3.0;
  const bool ddp = shape.parallel.data_parallel == DataParallelKind::kDdp;
  // Weights are read three times, their gradients written and added to the sums.
  const double weights = n.micro_steps * n.parameters * (ddp ? 3.0 * 6.0 + 16.0 : 3.0 * 2.0 + 10.0);
  // AdamW reads four numbers of a parameter and writes three.
  const double update = 28.0 * n.parameters / static_cast<double>(ddp ? 1 : shape.shard_ranks());
  return n.tokens * per_token * facts.passes * (1.0 + again) + weights + update;
}

double host_traffic(const ModelSizes& model, const RunShape& shape) {
  const Counts n = counts_of(model, shape);
  const bool ddp = shape.parallel.data_parallel == DataParallelKind::kDdp;
  double bytes = 0.0;
  if (shape.offloads_optimizer()) {
    bytes += 16.0 * n.parameters / static_cast<double>(ddp ? 1 : shape.shard_ranks());
  }
  if (shape.offloads_inputs()) {
    bytes +=
        2.0 * n.tokens *
        static_cast<double>(model.spec.num_layers * model.spec.hidden_size * shape.compute_bytes());
  }
  return bytes;
}

}  // namespace

double sent_bytes(const DecoderSpec& spec, const RunShape& shape) {
  const ModelSizes model = measure_model(spec);
  return parameter_traffic(model, shape) + copies_traffic(model, shape) +
         attention_traffic(model, shape);
}

StepTime plan_step_time(const DecoderSpec& spec,
                        const RunShape& shape,
                        const Hardware& hardware,
                        const SpeedFacts& facts) {
  const ModelSizes model = measure_model(spec);
  const Counts n = counts_of(model, shape);
  const Passes work =
      passes(forward_flops(spec, model, shape.sequence_length), shape.parallel.recompute);
  StepTime time;
  time.flops = n.tokens * (work.products + work.attention);
  time.memory_bytes = memory_traffic(model, shape, facts);
  time.host_bytes = host_traffic(model, shape);
  const double rate = hardware.flops(shape.precision, shape.parallel.tf32);
  time.compute_s = n.tokens * (work.products / (rate * facts.product_efficiency) +
                               work.attention / (rate * facts.attention_efficiency));
  time.memory_s = time.memory_bytes / (hardware.memory_bandwidth * facts.memory_efficiency);
  const auto link_s = [&](double bytes, int64_t ranks) {
    const bool near = ranks <= shape.ranks_per_machine;
    return bytes /
           ((near ? hardware.link_bandwidth : hardware.network_bandwidth) * facts.link_efficiency);
  };
  const double parameters = parameter_traffic(model, shape);
  const double copies = copies_traffic(model, shape);
  const double attention = attention_traffic(model, shape);
  time.sent_bytes = parameters + copies + attention;
  // The ranks of a shard, and those of a sequence, are neighbours.
  time.network_s = link_s(parameters, shape.is_sharded() ? shape.shard_ranks() : shape.ranks) +
                   link_s(copies, shape.ranks) + link_s(attention, shape.parallel.context_parallel);
  time.host_s = time.host_bytes / hardware.host_bandwidth;
  const double hidden = facts.overlap * time.compute_s;
  // Copies to host memory and back are waited for.
  time.step_s =
      time.compute_s + time.memory_s + std::max(0.0, time.network_s - hidden) + time.host_s;
  time.tokens_per_second =
      static_cast<double>(shape.global_batch_size * shape.sequence_length) / time.step_s;
  return time;
}

}  // namespace ropewalk::plan

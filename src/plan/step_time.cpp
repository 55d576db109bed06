#include "ropewalk/plan/step_time.h"

#include <algorithm>

#include "plan/block_tensors.h"
#include "plan/model_sizes.h"
#include "ropewalk/plan/sent_bytes.h"
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

struct Counts {
  double parameters, micro_steps, tokens;
};

Counts counts_of(const ModelSizes& model, const RunShape& shape) {
  return {static_cast<double>(model.count()),
          static_cast<double>(shape.micro_steps()),
          static_cast<double>(shape.micro_steps()) * static_cast<double>(shape.tokens())};
}

double memory_traffic(const ModelSizes& model, const RunShape& shape, const SpeedFacts& facts) {
  const Counts n = counts_of(model, shape);
  double per_token = 0.0;
  for (const size_t kind : model.kind_of_layer) {
    const BlockTensors tensors = block_tensors(model.spec, model.kinds[kind].first, shape);
    per_token += static_cast<double>(tensors.kept_bytes());
  }
  const double again = shape.parallel.recompute == Recompute::kNone ? 0.0 : 1.0 / 3.0;
  // Weights are read three times, their gradients written and added to the sums.
  const double passed = shape.is_sharded() ? 3.0 * 2.0 + 10.0 : 3.0 * 6.0 + 16.0;
  const double weights = n.micro_steps * n.parameters * passed;
  // AdamW reads four numbers of a parameter and writes three.
  const double update = 28.0 * n.parameters / static_cast<double>(shape.shard_ranks());
  return n.tokens * per_token * facts.passes * (1.0 + again) + weights + update;
}

double host_traffic(const ModelSizes& model, const RunShape& shape) {
  const Counts n = counts_of(model, shape);
  double bytes = 0.0;
  if (shape.offloads_optimizer()) {
    bytes += 16.0 * n.parameters / static_cast<double>(shape.shard_ranks());
  }
  if (shape.offloads_inputs()) {
    bytes +=
        2.0 * n.tokens *
        static_cast<double>(model.spec.num_layers * model.spec.hidden_size * shape.compute_bytes());
  }
  return bytes;
}

}  // namespace

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
  const auto link_s = [&](int64_t bytes, int64_t ranks) {
    const bool near = ranks <= shape.ranks_per_machine;
    return static_cast<double>(bytes) /
           ((near ? hardware.link_bandwidth : hardware.network_bandwidth) * facts.link_efficiency);
  };
  const SentBytes sent = sent_bytes(model, shape);
  time.sent_bytes = static_cast<double>(sent.total());
  // The ranks of a shard, and those of a sequence, are neighbours.
  time.network_s = link_s(sent.parameters, shape.is_sharded() ? shape.shard_ranks() : shape.ranks) +
                   link_s(sent.copies, shape.ranks) +
                   link_s(sent.attention, shape.parallel.context_parallel);
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

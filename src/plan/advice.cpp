#include "ropewalk/plan/advice.h"

#include <algorithm>

#include "ropewalk/config/writer.h"

namespace ropewalk::plan {
namespace {

constexpr double kEqual = 1.01;  // steps this close take equally long
// Other settings leave this part of the memory free: the plan may be wrong by as much.
constexpr double kSpare = 0.05;
constexpr int64_t kMostRanks = 1 << 14;

template <typename Value>
void add_change(Advice& advice, const char* key, const Value& before, const Value& after) {
  if (before == after) return;
  const Json value = value_to_json(after);
  advice.changes.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
}

std::vector<std::pair<std::string, std::string>> changes_between(const RunShape& before,
                                                                 const RunShape& after) {
  Advice advice;
  const ParallelConfig &a = before.parallel, &b = after.parallel;
  add_change(advice, "parallel.data_parallel", a.data_parallel, b.data_parallel);
  add_change(advice, "parallel.recompute", a.recompute, b.recompute);
  add_change(advice, "parallel.context_parallel", a.context_parallel, b.context_parallel);
  add_change(
      advice, "parallel.offload_block_inputs", a.offload_block_inputs, b.offload_block_inputs);
  add_change(advice, "parallel.offload_optimizer", a.offload_optimizer, b.offload_optimizer);
  add_change(advice, "train.micro_batch_size", before.micro_batch_size, after.micro_batch_size);
  return advice.changes;
}

// Every shape that differs from `base` in what may be advised.
template <typename Visit>
void for_each_alternative(const RunShape& base, Visit visit) {
  const bool cuda = base.device == Device::kCuda;
  std::vector<DataParallelKind> kinds = {base.parallel.data_parallel};
  if (base.ranks > 1) {
    kinds = {DataParallelKind::kDdp,
             DataParallelKind::kZero1,
             DataParallelKind::kZero2,
             DataParallelKind::kFsdp};
  }
  std::vector<int64_t> micro_batches = {base.micro_batch_size};
  if (base.micro_batch_size > 1) micro_batches.push_back(1);
  for (const DataParallelKind kind : kinds) {
    for (const Recompute recompute : {Recompute::kNone, Recompute::kSelective, Recompute::kBlock}) {
      for (int64_t pieces = 1; pieces <= base.ranks; pieces *= 2) {
        for (const int64_t micro_batch : micro_batches) {
          for (int offload = 0; offload < (cuda ? 4 : 1); ++offload) {
            RunShape shape = base;
            shape.parallel.data_parallel = kind;
            shape.parallel.recompute = recompute;
            shape.parallel.context_parallel = pieces;
            shape.parallel.offload_block_inputs = (offload & 1) != 0;
            shape.parallel.offload_optimizer = (offload & 2) != 0;
            shape.micro_batch_size = micro_batch;
            visit(shape);
          }
        }
      }
    }
  }
}

// The fastest; of those that are as fast, the one that changes least.
std::optional<Advice> choose(std::vector<Advice> fitting) {
  if (fitting.empty()) return std::nullopt;
  const auto faster = [](const Advice& a, const Advice& b) {
    return a.time.step_s < b.time.step_s;
  };
  const double best_s =
      std::min_element(fitting.begin(), fitting.end(), faster)->time.step_s * kEqual;
  std::erase_if(fitting, [&](const Advice& advice) { return advice.time.step_s > best_s; });
  return *std::min_element(fitting.begin(), fitting.end(), [](const Advice& a, const Advice& b) {
    return a.changes.size() < b.changes.size();
  });
}

}  // namespace

std::optional<Advice> cheapest_that_fits(const DecoderSpec& spec,
                                         const RunShape& shape,
                                         const Limits& limits) {
  const MemoryModel model(spec);
  std::vector<Advice> fitting;
  const auto consider = [&](const RunShape& other, int64_t memory_bytes) {
    if (!is_possible(other, spec.num_heads)) return;
    Advice advice{other, changes_between(shape, other), model.plan(other), {}};
    if (advice.memory.peak_bytes() > memory_bytes) return;
    advice.time = plan_step_time(spec, other, limits.hardware);
    fitting.push_back(std::move(advice));
  };
  consider(shape, limits.memory_bytes);
  const auto most = static_cast<int64_t>((1.0 - kSpare) * static_cast<double>(limits.memory_bytes));
  for_each_alternative(shape, [&](const RunShape& other) { consider(other, most); });
  return choose(std::move(fitting));
}

std::optional<int64_t> ranks_that_fit(const DecoderSpec& spec,
                                      const RunShape& shape,
                                      const Limits& limits) {
  RunShape more = shape;
  more.parallel.shard_size = 0;
  for (more.ranks = shape.ranks; more.ranks <= kMostRanks; more.ranks *= 2) {
    // A batch for every number of ranks: what fits does not depend on it.
    more.global_batch_size = shape.global_batch_size * more.ranks;
    if (cheapest_that_fits(spec, more, limits)) return more.ranks;
  }
  return std::nullopt;
}

}  // namespace ropewalk::plan

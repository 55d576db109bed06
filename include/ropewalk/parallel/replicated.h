// `ddp`: every rank holds the whole model and optimizer; c10d::Reducer, the engine under PyTorch's
// DDP, sums gradients over the ranks bucket by bucket while the backward pass still runs. With one
// rank there is no reducer and every call is a no-op.
//
// Gradients are views into the buckets. Zero them in place (grad.zero_()): an undefined gradient is
// allowed but costs a copy into its bucket at the next step.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ropewalk/base/progress.h"
#include "ropewalk/parallel/data_parallel.h"

namespace c10d {
class Reducer;
}

namespace ropewalk::parallel {

struct ReplicatedOptions {
  double bucket_mib = 25.0;
  // Only for models where some trainable parameter may get no gradient in a step: walks the graph
  // each step and never reorders the buckets. Without it such a parameter is a DistError.
  bool find_unused_parameters = false;
};

class ReplicatedDataParallel final : public DataParallel {
 public:
  // Frozen parameters (requires_grad false) are left alone. Collective: compares names, shapes and
  // dtypes over the ranks.
  ReplicatedDataParallel(NamedParameters parameters,
                         std::shared_ptr<dist::Group> group,
                         ReplicatedOptions options = {});
  ~ReplicatedDataParallel() override;

  const dist::NamedShardedTensors& weights() const override { return weights_; }
  const dist::NamedShardedTensors& trained() const override { return trained_; }
  double sum_over_shards(double value) override { return value; }
  void synchronize_weights() override;

  // Before the last micro-batch nothing is reduced.
  void begin_micro_batch(bool last) override;
  void prepare_backward(const at::Tensor& loss) override;
  void end_micro_batch() override {}
  // The first one settles the buckets in the order in which gradients became ready.
  void finish_step() override;

  void begin_evaluation() override {}
  void end_evaluation() override {}
  std::shared_ptr<BlockHooks> block_hooks() override { return nullptr; }

  // The bucket layout by parameter names: {"bucket_mib": x, "buckets": [["name", ...], ...]}, or
  // null before the first step and with one rank.
  Json state() const override;
  // Null, or a layout for other trainable parameters or another bucket size, leaves the layout to
  // be found anew.
  bool load_state(const Json& state) override;

 private:
  using Buckets = std::vector<std::vector<size_t>>;
  void make_reducer();
  template <typename Call>
  void guard(const char* what, Call call);
  std::string explain(const std::string& reducer_error) const;
  Buckets current_buckets() const;
  Buckets buckets_by_name(const Json& names) const;

  NamedParameters parameters_, trainable_;
  dist::NamedShardedTensors weights_, trained_;
  std::shared_ptr<dist::Group> group_;
  ReplicatedOptions options_;
  std::optional<WaitingForRanks> waiting_;  // from the last gradient to the end of the step
  std::unique_ptr<c10d::Reducer> reducer_;
  Buckets restored_;  // empty: none
  bool settled_ = false;
  bool sync_ = true;      // this micro-batch is the step's last
  bool reduced_ = false;  // a reducing backward was prepared in this step
};

}  // namespace ropewalk::parallel

// Data parallelism around a model that knows nothing of it: c10d::Reducer sums gradients over the
// ranks bucket by bucket while the backward pass still runs. With one rank there is no reducer and
// every call is a no-op, so that the train step is the same.
//
//   for (micro_step...) {
//     auto no_sync = last ? nullptr : dp.no_sync();   // accumulate locally
//     dp.prepare_forward();
//     loss = model.loss_sum(...) / global_tokens;
//     dp.prepare_backward(loss);
//     loss.backward();
//   }
//   dp.finish_step();       // every gradient is now the sum over ranks; the layout is settled
//   clip, optimizer step, zero gradients
//
// Gradients are SUMMED over ranks, unlike PyTorch's DDP, which averages: the loss is a sum over
// tokens divided by the global token count already. (DDP's averaging would also multiply by 1/ranks
// or divide by ranks depending on where a gradient lies, which differs in the last bit for 3 ranks,
// so that a resumed run would not continue bit for bit.)
//
// Gradients are views into the buckets. Zero them in place (grad.zero_()): an undefined gradient is
// allowed but costs a copy into its bucket at the next step.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/dist/group.h"

namespace c10d {
class Reducer;
}

namespace ropewalk::parallel {

using NamedParameters = std::vector<std::pair<std::string, at::Tensor>>;

struct DataParallelOptions {
  double bucket_mib = 25.0;
  // Only for models where some trainable parameter may get no gradient in a step: walks the graph
  // each step and never reorders the buckets. Without it such a parameter is a DistError.
  bool find_unused_parameters = false;
};

class DataParallel {
 public:
  // Frozen parameters (requires_grad false) are left alone. Collective: compares names, shapes and
  // dtypes over the ranks, then sends rank 0's values of ALL parameters to the others.
  DataParallel(NamedParameters parameters,
               std::shared_ptr<dist::Group> group,
               DataParallelOptions options = {});
  ~DataParallel();
  DataParallel(const DataParallel&) = delete;
  DataParallel& operator=(const DataParallel&) = delete;

  // While alive, backward passes accumulate locally and nothing is reduced.
  class NoSync {
   public:
    explicit NoSync(DataParallel& owner) : owner_(owner), outer_(owner.sync_) {
      owner.sync_ = false;
    }
    ~NoSync() { owner_.sync_ = outer_; }
    NoSync(const NoSync&) = delete;
    NoSync& operator=(const NoSync&) = delete;

   private:
    DataParallel& owner_;
    bool outer_;
  };
  std::unique_ptr<NoSync> no_sync() { return std::make_unique<NoSync>(*this); }

  void prepare_forward();
  void prepare_backward(const at::Tensor& loss);
  // After the last backward of a step. The first one settles the buckets in the order in which
  // gradients became ready (collective).
  void finish_step();

  // The bucket layout by parameter names: {"bucket_mib": x, "buckets": [["name", ...], ...]}, or
  // null before the first step and with one rank. It fixes the order of the sums, so a run that
  // resumes with it continues bit for bit.
  Json state() const;
  // Before the first step. Null, or a layout for other trainable parameters or another bucket size,
  // leaves the layout to be found anew; returns whether `state` is in force.
  bool load_state(const Json& state);

 private:
  using Buckets = std::vector<std::vector<size_t>>;
  void make_reducer();
  template <typename Call>
  void guard(const char* what, Call call);
  std::string explain(const std::string& reducer_error) const;
  Buckets current_buckets() const;
  Buckets buckets_by_name(const Json& names) const;

  NamedParameters trainable_;
  std::shared_ptr<dist::Group> group_;
  DataParallelOptions options_;
  std::unique_ptr<c10d::Reducer> reducer_;
  Buckets restored_;  // empty: none
  bool settled_ = false;
  bool sync_ = true;
  bool reduced_ = false;  // a reducing backward was prepared in this step
};

// Throws DistError naming the first parameter that differs between ranks. Collective.
void check_same_parameters(const NamedParameters& parameters, dist::Group& group);
// Rank 0's values on every rank. Collective.
void broadcast_parameters(const NamedParameters& parameters, dist::Group& group);

}  // namespace ropewalk::parallel

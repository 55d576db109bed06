#include "ropewalk/parallel/replicated.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk::parallel {
namespace {

// The first bucket is small, so that the exchange starts early in the backward pass.
constexpr size_t kFirstBucketBytes = size_t{1} << 20;

size_t bucket_bytes(const ReplicatedOptions& options) {
  return static_cast<size_t>(std::llround(options.bucket_mib * 1024 * 1024));
}

// Sums a bucket over the ranks; without a hook the reducer would average.
class SumHook : public c10d::CppCommHookInterface<c10::intrusive_ptr<c10d::ProcessGroup>> {
 public:
  SumHook(c10::intrusive_ptr<c10d::ProcessGroup> group, std::optional<WaitingForRanks>& waiting)
      : CppCommHookInterface(std::move(group)), waiting_(waiting) {}
  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket& bucket) override {
    std::vector<at::Tensor> tensors = {bucket.getBufferRef()};
    const auto sum = state_->allreduce(tensors)->getFuture();
    // All gradients are there: the rest of the backward pass is the wait for the sums.
    if (bucket.isLast()) waiting_.emplace();
    return sum;
  }

 private:
  std::optional<WaitingForRanks>& waiting_;
};

std::vector<at::Tensor> tensors_of(const NamedParameters& parameters) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : parameters) tensors.push_back(tensor);
  return tensors;
}

}  // namespace

ReplicatedDataParallel::ReplicatedDataParallel(NamedParameters parameters,
                                               std::shared_ptr<dist::Group> group,
                                               ReplicatedOptions options)
    : parameters_(std::move(parameters)),
      weights_(dist::as_whole(parameters_)),
      group_(std::move(group)),
      options_(options) {
  ROPEWALK_CHECK(options_.bucket_mib > 0, "buckets without size");
  check_same_parameters(parameters_, *group_);
  for (auto& [name, tensor] : parameters_) {
    if (tensor.requires_grad()) trainable_.emplace_back(name, tensor);
  }
  trained_ = dist::as_whole(trainable_);
  if (group_->size() > 1 && !trainable_.empty()) make_reducer();
}

ReplicatedDataParallel::~ReplicatedDataParallel() = default;

void ReplicatedDataParallel::synchronize_weights() { broadcast_parameters(parameters_, *group_); }

void ReplicatedDataParallel::make_reducer() {
  const std::vector<at::Tensor> tensors = tensors_of(trainable_);
  const size_t cap = bucket_bytes(options_);
  const size_t first = std::min(kFirstBucketBytes, cap);
  const std::vector<bool> sparse(tensors.size(), false);
  auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(tensors, {first, cap}, sparse);
  // Gradients come roughly in reverse order of the parameters.
  std::reverse(buckets.begin(), buckets.end());
  std::unordered_map<size_t, std::string> names;
  for (size_t i = 0; i < trainable_.size(); ++i) names[i] = trainable_[i].first;
  reducer_ = std::make_unique<c10d::Reducer>(tensors,
                                             buckets,
                                             group_->c10d(),
                                             sparse,
                                             static_cast<int64_t>(cap),
                                             options_.find_unused_parameters,
                                             /*gradient_as_bucket_view=*/true,
                                             names,
                                             static_cast<int64_t>(first),
                                             /*skip_all_reduce_unused_params=*/false,
                                             /*use_python_reducer=*/false,
                                             std::vector<int64_t>{});
  reducer_->register_comm_hook(std::make_unique<SumHook>(group_->c10d(), waiting_));
}

// Words for the reducer's own: it knows parameters by index and advises on Python's DDP.
std::string ReplicatedDataParallel::explain(const std::string& reducer_error) const {
  const size_t mark = reducer_error.find("did not receive grad for rank");
  const size_t colon =
      reducer_error.find(':', mark == std::string::npos ? reducer_error.size() : mark);
  if (colon == std::string::npos) return reducer_error.substr(0, reducer_error.find('\n'));
  std::istringstream indices(reducer_error.substr(colon + 1));
  std::vector<std::string> names;
  for (size_t index; indices >> index && index < trainable_.size();) {
    names.push_back(trainable_[index].first);
  }
  return "no gradient reached " + join(names, ", ") + "; freeze it with optimizer.frozen";
}

template <typename Call>
void ReplicatedDataParallel::guard(const char* what, Call call) {
  try {
    call();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw DistError("rank " + std::to_string(group_->rank()) + " of " +
                    std::to_string(group_->size()) + ": " + what + ": " + explain(error.what()));
  }
}

void ReplicatedDataParallel::begin_micro_batch(bool last) {
  sync_ = last;
  if (reducer_ == nullptr || !sync_) return;
  guard("preparing the reduction of gradients", [&] { reducer_->prepare_for_forward(); });
}

void ReplicatedDataParallel::prepare_backward(const at::Tensor& loss) {
  if (reducer_ == nullptr || !sync_) return;
  // Outputs are only walked when some parameters may go unused.
  std::vector<at::Tensor> outputs;
  if (options_.find_unused_parameters) outputs.push_back(loss);
  guard("preparing the reduction of gradients", [&] { reducer_->prepare_for_backward(outputs); });
  reduced_ = true;
}

void ReplicatedDataParallel::finish_step() {
  waiting_.reset();
  if (reducer_ == nullptr) return;
  ROPEWALK_CHECK(reduced_, "a step ended without a backward pass that reduces");
  reduced_ = false;
  guard("the reduction of gradients did not end", [&] { reducer_->check_finalized(); });
  if (settled_) return;
  guard("settling the buckets", [&] {
    // At once and not, as PyTorch does, at the next step: a checkpoint after this step then already
    // holds the layout that the next step of an undisturbed run uses.
    const bool rebuilt = reducer_->rebuild_buckets();
    if (rebuilt && !restored_.empty()) reducer_->initialize_buckets(restored_);
  });
  settled_ = true;
}

ReplicatedDataParallel::Buckets ReplicatedDataParallel::current_buckets() const {
  std::map<const c10::TensorImpl*, size_t> index_of;
  for (size_t i = 0; i < trainable_.size(); ++i) {
    index_of[trainable_[i].second.unsafeGetTensorImpl()] = i;
  }
  Buckets buckets;
  for (const c10d::GradBucket& bucket : reducer_->get_grad_buckets(/*return_zero_tensors=*/false)) {
    std::vector<size_t>& indices = buckets.emplace_back();
    for (const at::Tensor& parameter : bucket.getParameters()) {
      indices.push_back(index_of.at(parameter.unsafeGetTensorImpl()));
    }
  }
  return buckets;
}

Json ReplicatedDataParallel::state() const {
  if (reducer_ == nullptr) return nullptr;
  Buckets buckets = restored_;
  if (buckets.empty()) {
    if (!settled_) return nullptr;
    buckets = current_buckets();
  }
  Json names = Json::array();
  for (const std::vector<size_t>& bucket : buckets) {
    Json& list = names.emplace_back(Json::array());
    for (const size_t index : bucket) list.push_back(trainable_[index].first);
  }
  return {{"bucket_mib", options_.bucket_mib}, {"buckets", names}};
}

// Empty unless `names` holds every trainable parameter exactly once.
ReplicatedDataParallel::Buckets ReplicatedDataParallel::buckets_by_name(const Json& names) const {
  std::map<std::string, size_t> left;
  for (size_t i = 0; i < trainable_.size(); ++i) left[trainable_[i].first] = i;
  Buckets buckets;
  for (const Json& bucket : names) {
    std::vector<size_t>& indices = buckets.emplace_back();
    for (const Json& name : bucket) {
      const auto found = left.find(name.get<std::string>());
      if (found == left.end()) return {};
      indices.push_back(found->second);
      left.erase(found);
    }
    if (indices.empty()) return {};
  }
  return left.empty() ? buckets : Buckets{};
}

bool ReplicatedDataParallel::load_state(const Json& state) {
  ROPEWALK_CHECK(!settled_, "bucket layout restored after the first step");
  if (reducer_ == nullptr || state.is_null()) return false;
  Buckets buckets;
  try {
    if (state.at("bucket_mib").get<double>() == options_.bucket_mib) {
      buckets = buckets_by_name(state.at("buckets"));
    }
  } catch (const Json::exception& error) {
    throw CheckpointError(std::string("bucket layout in the trainer state: ") + error.what() +
                          "; the checkpoint is damaged, resume from another one");
  }
  if (buckets.empty()) return false;
  guard("restoring the buckets", [&] { reducer_->initialize_buckets(buckets); });
  restored_ = std::move(buckets);
  return true;
}

}  // namespace ropewalk::parallel

#include "parallel/flat_shard.h"

#include "ropewalk/base/errors.h"

namespace ropewalk::parallel {
namespace {

c10::StorageImpl& storage_of(const at::Tensor& tensor) {
  return *tensor.storage().unsafeGetStorageImpl();
}

void set_memory(const at::Tensor& tensor, size_t bytes) {
  c10::StorageImpl& storage = storage_of(tensor);
  storage.set_data_ptr_noswap(storage.allocator()->allocate(bytes));
  storage.set_nbytes(bytes);
}

bool has_memory(const at::Tensor& tensor) { return storage_of(tensor).nbytes() > 0; }

}  // namespace

FlatShard::FlatShard(const std::vector<ShardedParameter>& parameters,
                     const ShardGroups& groups,
                     const ShardedOptions& options)
    : groups_(groups), options_(options) {
  const at::NoGradGuard no_grad;
  lay_out(parameters);
  const auto fp32 = at::TensorOptions().dtype(at::kFloat).device(groups.shard->device());
  const at::ScalarType type = parameters.front().gathered_type;
  whole_ = at::empty({shard_numel_ * groups.shard->size()}, fp32.dtype(type));
  if (options.keeps_whole() && type == at::kFloat) {
    shard_ = whole_.narrow(0, groups.shard->rank() * shard_numel_, shard_numel_).zero_();
  } else {
    shard_ = at::zeros({shard_numel_}, fp32);
  }
  if (parameters.front().parameter.requires_grad()) shard_grad_ = at::zeros({shard_numel_}, fp32);
  for (size_t i = 0; i < parameters.size(); ++i) take_over(parameters[i], members_[i]);
  release();
}

void FlatShard::lay_out(const std::vector<ShardedParameter>& parameters) {
  int64_t offset = 0;
  for (const ShardedParameter& given : parameters) {
    const int64_t count = given.parameter.numel(), room = aligned_in_shard(count);
    members_.push_back({given.parameter, offset, room - count});
    offset += room;
  }
  const int64_t size = groups_.shard->size();
  shard_numel_ = aligned_in_shard((offset + size - 1) / size);
  members_.back().padding += shard_numel_ * size - offset;
}

void FlatShard::take_over(const ShardedParameter& given, const Member& member) {
  const dist::FlatPlace place{.offset = member.offset, .shard_numel = shard_numel_};
  const int rank = groups_.shard->rank();
  const int64_t count = given.parameter.numel();
  const dist::ElementRange own = dist::range_in_shard(place, count, rank);
  const int64_t in_shard = own.count() == 0 ? 0 : place.offset + own.begin - rank * shard_numel_;
  at::Tensor local = shard_.narrow(0, in_shard, own.count());
  if (has_memory(given.parameter)) {
    local.copy_(given.parameter.detach().flatten().slice(0, own.begin, own.end));
  }
  if (trained()) local.mutable_grad() = shard_grad_.narrow(0, in_shard, own.count());
  tensors_.emplace_back(
      given.name,
      dist::ShardedTensor(given.parameter.sizes().vec(), place, std::move(local), groups_.shard));
  given.parameter.set_data(whole_.narrow(0, member.offset, count).view(given.parameter.sizes()));
}

void FlatShard::broadcast_to_replicas() { groups_.replicas->broadcast(shard_); }

void FlatShard::start_gather() {
  const at::NoGradGuard no_grad;
  if (!has_memory(whole_)) {
    set_memory(whole_, static_cast<size_t>(whole_.numel()) * whole_.element_size());
  }
  gathering_ = groups_.shard->start_all_gather(whole_, shard_.to(whole_.scalar_type()));
}

void FlatShard::finish_gather() { gathering_.wait(); }

void FlatShard::release() {
  if (!options_.keeps_whole()) set_memory(whole_, 0);
}

void FlatShard::collect_gradients() {
  const at::NoGradGuard no_grad;
  const bool first = !whole_grad_.defined();
  if (first) {
    const at::ScalarType type =
        options_.keeps_whole_gradients() ? at::kFloat : options_.reduce_type;
    whole_grad_ = at::empty(whole_.sizes(), shard_.options().dtype(type));
  }
  for (Member& member : members_) {
    const at::Tensor& grad = member.parameter.grad();
    const int64_t count = member.parameter.numel();
    const at::Tensor place = whole_grad_.narrow(0, member.offset, count);
    if (!first) {
      if (grad.defined()) place.add_(grad.flatten());
    } else if (grad.defined()) {
      place.copy_(grad.flatten());
    } else {
      place.zero_();
    }
    if (first) whole_grad_.narrow(0, member.offset + count, member.padding).zero_();
    member.parameter.mutable_grad().reset();
  }
}

void FlatShard::start_reduce() {
  const at::Tensor sent = whole_grad_.to(options_.reduce_type);
  whole_grad_.reset();
  grad_part_ = at::empty({shard_numel_}, sent.options());
  reducing_ = groups_.shard->start_reduce_scatter_sum(grad_part_, sent);
}

void FlatShard::finish_reduce() {
  const at::NoGradGuard no_grad;
  reducing_.wait();
  shard_grad_.add_(grad_part_);
  grad_part_.reset();
}

void FlatShard::start_replica_sum() {
  summing_ = groups_.replicas->start_all_reduce_sum(shard_grad_);
}

void FlatShard::finish_replica_sum() { summing_.wait(); }

}  // namespace ropewalk::parallel

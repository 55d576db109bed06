#include "checkpoint/host_copies.h"

#include <ATen/ATen.h>

namespace ropewalk {

void HostCopies::take(SaveWork& work) {
  made_.clear();
  if (!work.writers.has_this_rank) return;
  for (OutputFile& file : work.plan.files) {
    for (OutputTensor& tensor : file.tensors) {
      HeldElements& held = *tensor.held;
      if (tensor.is_sharded()) {
        held.tensor = held.tensor.with_local(copy_of(held.tensor.local()), work.writers.group);
      } else if (file.owner == work.writers.group->rank()) {
        held.tensor = dist::ShardedTensor(copy_of(held.tensor.gather(held.part)));
        held.part = {0, held.tensor.numel()};
      }
    }
  }
}

at::Tensor HostCopies::copy_of(const at::Tensor& values) {
  const auto key = std::pair(values.const_data_ptr(), values.numel());
  const size_t number = made_.size();
  const auto [found, is_new] = made_.try_emplace(key);
  if (!is_new) return found->second;
  if (number == buffers_.size()) buffers_.emplace_back();
  at::Tensor& buffer = buffers_[number];
  if (!buffer.defined() || buffer.numel() != values.numel() || buffer.dtype() != values.dtype()) {
    // Page-locked where the values are on a GPU: the copy is what training waits for.
    buffer = at::empty({values.numel()},
                       at::TensorOptions().dtype(values.dtype()).pinned_memory(values.is_cuda()));
  }
  buffer.copy_(values.detach().view({-1}));
  found->second = buffer;
  return buffer;
}

}  // namespace ropewalk

// How Group starts a collective: checks its tensors, keeps them alive and names it in errors.
#pragma once

#include <utility>

#include "ropewalk/base/errors.h"
#include "ropewalk/dist/group.h"

namespace ropewalk::dist {

using Works = std::vector<c10::intrusive_ptr<c10d::Work>>;

// `start` takes the tensors and returns Works; it is not called on one rank, which has no peers.
template <typename Start>
Pending Group::start(const char* what, std::vector<at::Tensor> tensors, Start start) {
  for (const at::Tensor& tensor : tensors) {
    ROPEWALK_CHECK(tensor.is_contiguous(), "a collective on a strided tensor");
  }
  Pending pending;
  if (c10d_ == nullptr) return pending;
  pending.group_ = this;
  pending.what_ = what;
  pending.tensors_ = std::move(tensors);
  try {
    pending.works_ = start(pending.tensors_);
  } catch (const std::exception& error) {
    fail(what, error);
  }
  return pending;
}

}  // namespace ropewalk::dist

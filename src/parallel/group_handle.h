// A group of ranks kept for an autograd function's backward pass.
#pragma once

#include <torch/csrc/autograd/custom_function.h>

#include <memory>
#include <utility>

#include "ropewalk/dist/group.h"

namespace ropewalk::parallel {

struct GroupHandle : torch::CustomClassHolder {
  explicit GroupHandle(std::shared_ptr<dist::Group> ranks) : group(std::move(ranks)) {}
  std::shared_ptr<dist::Group> group;
};

inline void keep_group(torch::autograd::AutogradContext* ctx,
                       const c10::intrusive_ptr<GroupHandle>& handle) {
  ctx->saved_data["ranks"] = c10::IValue::make_capsule(handle);
}

inline dist::Group& kept_group(torch::autograd::AutogradContext* ctx) {
  const auto capsule = ctx->saved_data["ranks"].toCapsule();
  return *c10::static_intrusive_pointer_cast<GroupHandle>(capsule)->group;
}

}  // namespace ropewalk::parallel

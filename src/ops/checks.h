// Input checks of the ops. A failure is a mistake of the caller, so the text names op and argument.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "ropewalk/base/errors.h"

namespace ropewalk::ops {

inline std::string shape_text(const at::Tensor& x) {
  if (!x.defined()) return "undefined";
  std::string text = "[";
  for (const int64_t size : x.sizes()) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "] " + c10::toString(x.scalar_type());
}

// The type in which an op computes: float, or double for double.
inline at::ScalarType compute_type(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

}  // namespace ropewalk::ops

#define ROPEWALK_CHECK_ARGUMENT(condition, op, argument, tensor) \
  ROPEWALK_CHECK(condition,                                      \
                 std::string(op) + ": " + argument + " is " + ::ropewalk::ops::shape_text(tensor))

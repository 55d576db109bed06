// Checks of the rotary tables, for the ops that take them.
#pragma once

#include "ops/checks.h"
#include "ropewalk/ops/rotary.h"

namespace ropewalk::ops {

// `end` = one past the last position used. Undefined tables mean no rotation.
inline void check_tables(const char* op,
                         const RotaryTables& tables,
                         int64_t head_dim,
                         int64_t end) {
  const at::Tensor &cos = tables.cos, &sin = tables.sin;
  ROPEWALK_CHECK_ARGUMENT(cos.defined() == sin.defined(), op, "sin", sin);
  if (!cos.defined()) return;
  ROPEWALK_CHECK_ARGUMENT(cos.dim() == 2 && cos.scalar_type() == at::kFloat &&
                              cos.is_contiguous() && cos.size(0) >= end &&
                              2 * cos.size(1) <= head_dim,
                          op,
                          "cos",
                          cos);
  ROPEWALK_CHECK_ARGUMENT(
      sin.sizes() == cos.sizes() && sin.is_contiguous() && sin.scalar_type() == at::kFloat,
      op,
      "sin",
      sin);
}

}  // namespace ropewalk::ops

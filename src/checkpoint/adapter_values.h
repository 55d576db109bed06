// Values of a PEFT adapter, for one foreign weight at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include "ropewalk/spec/peft_adapter.h"

namespace ropewalk {

// What the adapter makes of a foreign weight: `stored` itself where it has nothing for it; the
// weight that replaces it; or W + scale B A in fp32. CPU; mapped values live as long as the
// adapter.
at::Tensor with_adapter(const PeftAdapter& adapter, const WeightSlice& slice, at::Tensor stored);

}  // namespace ropewalk

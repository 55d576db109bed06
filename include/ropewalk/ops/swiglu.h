// Gated activation of LLaMA-type models: silu(gate) * up on a merged projection.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropewalk::ops {

// gate_up [..., 2F], columns = gate then up -> [..., F].
at::Tensor swiglu(const at::Tensor& gate_up);

}  // namespace ropewalk::ops

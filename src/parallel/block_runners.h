// The runners that make_block_runner puts together.
#pragma once

#include "ropewalk/parallel/block_runner.h"

namespace ropewalk::parallel {

// Whether a backward pass through the block has anything to do.
inline bool needs_backward(const Block& block, const BlockInputs& inputs) {
  if (!at::GradMode::is_enabled()) return false;
  if (inputs.hidden_BTD.requires_grad()) return true;
  for (const at::Tensor& parameter : block.parameters()) {
    if (parameter.requires_grad()) return true;
  }
  return false;
}

// A leaf that requires a gradient, so that a function of a block's input is recorded even where
// that input needs none (frozen embeddings).
inline at::Tensor anchor_beside(const at::Tensor& hidden_BTD) {
  return at::zeros({}, hidden_BTD.options().dtype(at::kFloat).requires_grad(false))
      .set_requires_grad(true);
}

// Keeps the block's input only.
std::shared_ptr<BlockRunner> make_recompute_runner(bool offload_inputs);
// Keeps what attention needs, and the MLP's input.
std::shared_ptr<BlockRunner> make_selective_runner();
// Calls the hooks around what `inner` does.
std::shared_ptr<BlockRunner> make_hooked_runner(std::shared_ptr<BlockRunner> inner,
                                                std::shared_ptr<BlockHooks> hooks);

}  // namespace ropewalk::parallel

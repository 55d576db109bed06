// Hooks around a block, however it is run: two identities in the graph, one before and one
// after the block, whose backward passes are the block's borders there. The engine runs what is
// ready in reverse order of recording and gradients of leaves first, so that all of a block's
// gradients are there when the identity before it is reached.
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "parallel/block_runners.h"

namespace ropewalk::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

struct Border : torch::CustomClassHolder {
  std::shared_ptr<BlockHooks> hooks;
  const Block* block = nullptr;
};
using BorderPointer = c10::intrusive_ptr<Border>;

BorderPointer border_of(AutogradContext* ctx) {
  return c10::static_intrusive_pointer_cast<Border>(ctx->saved_data["border"].toCapsule());
}

class BeforeBlock : public torch::autograd::Function<BeforeBlock> {
 public:
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& hidden_BTD,
                            const at::Tensor& /*anchor*/,
                            const BorderPointer& border) {
    ctx->saved_data["border"] = c10::IValue::make_capsule(border);
    return hidden_BTD.view_as(hidden_BTD);
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const BorderPointer border = border_of(ctx);
    border->hooks->after_backward(*border->block);
    return {ctx->needs_input_grad(0) ? grads[0] : at::Tensor(), {}, {}};
  }
};

class AfterBlock : public torch::autograd::Function<AfterBlock> {
 public:
  static tensor_list forward(AutogradContext* ctx,
                             const at::Tensor& hidden_BTD,
                             const std::optional<at::Tensor>& router_2E,
                             const BorderPointer& border) {
    ctx->saved_data["border"] = c10::IValue::make_capsule(border);
    ctx->set_materialize_grads(false);
    if (!router_2E) return {hidden_BTD.view_as(hidden_BTD)};
    return {hidden_BTD.view_as(hidden_BTD), router_2E->view_as(*router_2E)};
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const BorderPointer border = border_of(ctx);
    border->hooks->before_backward(*border->block);
    return {grads[0], grads.size() > 1 ? grads[1] : at::Tensor(), {}};
  }
};

class HookedRunner final : public BlockRunner {
 public:
  HookedRunner(std::shared_ptr<BlockRunner> inner, std::shared_ptr<BlockHooks> hooks)
      : inner_(std::move(inner)), hooks_(std::move(hooks)) {}

  BlockOutputs run(Block& block, const BlockInputs& inputs) override {
    const bool recorded = needs_backward(block, inputs);
    hooks_->before_forward(block);
    const BlockOutputs outputs =
        recorded ? run_recorded(block, inputs) : inner_->run(block, inputs);
    hooks_->after_forward(block, recorded);
    return outputs;
  }

 private:
  BlockOutputs run_recorded(Block& block, const BlockInputs& given) const {
    auto border = c10::make_intrusive<Border>();
    border->hooks = hooks_;
    border->block = &block;
    BlockInputs inputs = given;
    inputs.hidden_BTD =
        BeforeBlock::apply(given.hidden_BTD, anchor_beside(given.hidden_BTD), border);
    const BlockOutputs outputs = inner_->run(block, inputs);
    std::optional<at::Tensor> router_2E;
    if (outputs.router_2E.defined()) router_2E = outputs.router_2E;
    const tensor_list after = AfterBlock::apply(outputs.hidden_BTD, router_2E, border);
    return {after[0], after.size() > 1 ? after[1] : at::Tensor()};
  }

  std::shared_ptr<BlockRunner> inner_;
  std::shared_ptr<BlockHooks> hooks_;
};

}  // namespace

std::shared_ptr<BlockRunner> make_hooked_runner(std::shared_ptr<BlockRunner> inner,
                                                std::shared_ptr<BlockHooks> hooks) {
  return std::make_shared<HookedRunner>(std::move(inner), std::move(hooks));
}

}  // namespace ropewalk::parallel

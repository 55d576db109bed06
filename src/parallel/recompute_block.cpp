#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/engine.h>

#include "parallel/block_runners.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// What backward needs beside the saved input. The block outlives every graph: the decoder owns it.
struct Call : torch::CustomClassHolder {
  Block* block = nullptr;
  BlockInputs inputs;  // without the hidden states
  std::shared_ptr<BlockHooks> hooks;
  bool offload = false;
};

at::Device device_of(const tensor_list& grads) {
  for (const at::Tensor& grad : grads) {
    if (grad.defined()) return grad.device();
  }
  return at::kCPU;
}

// Sends the gradients of those outputs that have one to the parameters' accumulators.
void run_backward(const tensor_list& outputs, const tensor_list& grads) {
  torch::autograd::edge_list roots;
  tensor_list given;
  for (size_t i = 0; i < grads.size(); ++i) {
    if (!grads[i].defined() || !outputs[i].requires_grad()) continue;
    roots.push_back(torch::autograd::impl::gradient_edge(outputs[i]));
    given.push_back(grads[i]);
  }
  if (roots.empty()) return;
  torch::autograd::Engine::get_default_engine().execute(roots,
                                                        given,
                                                        /*keep_graph=*/false,
                                                        /*create_graph=*/false,
                                                        /*accumulate_grad=*/true,
                                                        /*outputs=*/{});
}

// Parameters are not inputs: running the block again in backward sends their gradients to their
// accumulators, where hooks of data parallelism expect them, once.
class RecomputeBlock : public torch::autograd::Function<RecomputeBlock> {
 public:
  static tensor_list forward(AutogradContext* ctx,
                             const at::Tensor& hidden_BTD,
                             const at::Tensor& /*anchor*/,
                             const c10::intrusive_ptr<Call>& call) {
    ctx->save_for_backward(
        {call->offload ? hidden_BTD.to(at::kCPU, hidden_BTD.scalar_type()) : hidden_BTD});
    ctx->set_materialize_grads(false);
    ctx->saved_data["call"] = c10::IValue::make_capsule(call);
    BlockInputs inputs = call->inputs;
    inputs.hidden_BTD = hidden_BTD;
    const BlockOutputs outputs = call->block->forward(inputs);
    if (!outputs.router_2E.defined()) return {outputs.hidden_BTD};
    return {outputs.hidden_BTD, outputs.router_2E};
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto call = c10::static_intrusive_pointer_cast<Call>(ctx->saved_data["call"].toCapsule());
    if (call->hooks) call->hooks->before_backward(*call->block);
    BlockInputs inputs = call->inputs;
    inputs.hidden_BTD = ctx->get_saved_variables()[0]
                            .detach()
                            .to(device_of(grads))
                            .set_requires_grad(ctx->needs_input_grad(0));
    BlockOutputs outputs;
    {
      at::AutoGradMode record(true);
      outputs = call->block->forward(inputs);
    }
    const at::Tensor leaf = inputs.hidden_BTD;
    inputs = {};
    run_backward({outputs.hidden_BTD, outputs.router_2E}, grads);
    if (call->hooks) call->hooks->after_backward(*call->block);
    return {leaf.grad(), {}, {}};
  }
};

class RecomputeRunner final : public BlockRunner {
 public:
  explicit RecomputeRunner(const BlockRunnerOptions& options) : options_(options) {}

  BlockOutputs run(Block& block, const BlockInputs& inputs) override {
    const bool recorded = needs_backward(block, inputs);
    if (options_.hooks) options_.hooks->before_forward(block);
    const BlockOutputs outputs = recorded ? run_recorded(block, inputs) : block.forward(inputs);
    if (options_.hooks) options_.hooks->after_forward(block, recorded);
    return outputs;
  }

 private:
  BlockOutputs run_recorded(Block& block, const BlockInputs& inputs) const {
    ROPEWALK_CHECK(!inputs.cache, "recompute cannot run with a key-value cache");
    auto call = c10::make_intrusive<Call>();
    call->block = &block;
    call->inputs = inputs;
    call->inputs.hidden_BTD.reset();
    call->hooks = options_.hooks;
    call->offload = options_.offload_inputs;
    const tensor_list outputs =
        RecomputeBlock::apply(inputs.hidden_BTD, anchor_beside(inputs.hidden_BTD), call);
    return {outputs[0], outputs.size() > 1 ? outputs[1] : at::Tensor()};
  }

  BlockRunnerOptions options_;
};

}  // namespace

std::shared_ptr<BlockRunner> make_recompute_runner(const BlockRunnerOptions& options) {
  return std::make_shared<RecomputeRunner>(options);
}

}  // namespace ropewalk::parallel

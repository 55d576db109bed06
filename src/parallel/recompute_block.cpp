// A block, or its second half, that is run again in backward.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/engine.h>

#include <functional>

#include "parallel/block_runners.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// What is run twice: a function of the block's input and, for its second half, of what attention
// gave (undefined otherwise). The block outlives every graph: the decoder owns it.
struct Part : torch::CustomClassHolder {
  std::function<BlockOutputs(const at::Tensor& hidden_BTD, const at::Tensor& attended_BTD)> run;
  bool offload = false;
};
using PartPointer = c10::intrusive_ptr<Part>;

at::Tensor kept(const at::Tensor& tensor, bool offload) {
  return offload && tensor.defined() ? tensor.to(at::kCPU, tensor.scalar_type()) : tensor;
}

at::Device device_of(const tensor_list& grads) {
  for (const at::Tensor& grad : grads) {
    if (grad.defined()) return grad.device();
  }
  return at::kCPU;
}

at::Tensor leaf_of(const at::Tensor& saved, at::Device device, bool needs_grad) {
  return saved.defined() ? saved.detach().to(device).set_requires_grad(needs_grad) : saved;
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

// Parameters are not inputs: running the part again in backward sends their gradients to their
// accumulators, where hooks of data parallelism expect them, once.
class RecomputePart : public torch::autograd::Function<RecomputePart> {
 public:
  static tensor_list forward(AutogradContext* ctx,
                             const at::Tensor& hidden_BTD,
                             const std::optional<at::Tensor>& attended_BTD,
                             const at::Tensor& /*anchor*/,
                             const PartPointer& part) {
    const at::Tensor attended = attended_BTD.value_or(at::Tensor());
    ctx->save_for_backward({kept(hidden_BTD, part->offload), kept(attended, part->offload)});
    ctx->set_materialize_grads(false);
    ctx->saved_data["part"] = c10::IValue::make_capsule(part);
    const BlockOutputs outputs = part->run(hidden_BTD, attended);
    if (!outputs.router_2E.defined()) return {outputs.hidden_BTD};
    return {outputs.hidden_BTD, outputs.router_2E};
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto part = c10::static_intrusive_pointer_cast<Part>(ctx->saved_data["part"].toCapsule());
    const auto saved = ctx->get_saved_variables();
    const at::Device device = device_of(grads);
    const at::Tensor hidden = leaf_of(saved[0], device, ctx->needs_input_grad(0));
    const at::Tensor attended =
        leaf_of(saved[1], device, saved[1].defined() && ctx->needs_input_grad(1));
    BlockOutputs outputs;
    {
      at::AutoGradMode record(true);
      outputs = part->run(hidden, attended);
    }
    run_backward({outputs.hidden_BTD, outputs.router_2E}, grads);
    return {hidden.grad(), attended.defined() ? attended.grad() : at::Tensor(), {}, {}};
  }
};

BlockOutputs recomputed(const at::Tensor& hidden_BTD,
                        const std::optional<at::Tensor>& attended_BTD,
                        const PartPointer& part) {
  const tensor_list outputs =
      RecomputePart::apply(hidden_BTD, attended_BTD, anchor_beside(hidden_BTD), part);
  return {outputs[0], outputs.size() > 1 ? outputs[1] : at::Tensor()};
}

// Without the hidden states, which would be kept.
BlockInputs other_inputs(const BlockInputs& inputs) {
  ROPEWALK_CHECK(!inputs.cache, "recompute cannot run with a key-value cache");
  BlockInputs others = inputs;
  others.hidden_BTD.reset();
  return others;
}

class RecomputeRunner final : public BlockRunner {
 public:
  explicit RecomputeRunner(bool offload_inputs) : offload_inputs_(offload_inputs) {}

  BlockOutputs run(Block& block, const BlockInputs& inputs) override {
    if (!needs_backward(block, inputs)) return block.forward(inputs);
    auto part = c10::make_intrusive<Part>();
    part->offload = offload_inputs_;
    part->run = [&block, others = other_inputs(inputs)](const at::Tensor& hidden_BTD,
                                                        const at::Tensor&) {
      BlockInputs again = others;
      again.hidden_BTD = hidden_BTD;
      return block.forward(again);
    };
    return recomputed(inputs.hidden_BTD, std::nullopt, part);
  }

 private:
  bool offload_inputs_;
};

class SelectiveRunner final : public BlockRunner {
 public:
  BlockOutputs run(Block& block, const BlockInputs& inputs) override {
    if (!needs_backward(block, inputs)) return block.forward(inputs);
    auto part = c10::make_intrusive<Part>();
    part->run = [&block, others = other_inputs(inputs)](const at::Tensor& hidden_BTD,
                                                        const at::Tensor& attended_BTD) {
      BlockInputs again = others;
      again.hidden_BTD = hidden_BTD;
      return block.finish(again, attended_BTD);
    };
    return recomputed(inputs.hidden_BTD, block.attend(inputs), part);
  }
};

}  // namespace

std::shared_ptr<BlockRunner> make_recompute_runner(bool offload_inputs) {
  return std::make_shared<RecomputeRunner>(offload_inputs);
}

std::shared_ptr<BlockRunner> make_selective_runner() { return std::make_shared<SelectiveRunner>(); }

}  // namespace ropewalk::parallel

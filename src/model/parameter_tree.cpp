#include "model/parameter_tree.h"

namespace ropewalk {
namespace {

// A named group of parameters.
class Section : public torch::nn::Module {};

at::Tensor without_memory(const std::vector<int64_t>& shape, const at::TensorOptions& options) {
  const at::Tensor tensor = at::empty({0}, options);
  tensor.unsafeGetTensorImpl()->set_sizes_contiguous(shape);
  return tensor;
}

// The module that a dotted name's last part belongs to.
torch::nn::Module& owner_of(torch::nn::Module& root, const std::string& name) {
  torch::nn::Module* module = &root;
  size_t begin = 0;
  for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', begin)) {
    const std::string part = name.substr(begin, dot - begin);
    auto children = module->named_children();
    module = children.contains(part)
                 ? children[part].get()
                 : module->register_module(part, std::make_shared<Section>()).get();
    begin = dot + 1;
  }
  return *module;
}

}  // namespace

ParameterTree::ParameterTree(torch::nn::Module& root,
                             const std::vector<ParameterShape>& parameters,
                             const ParameterMemory& memory,
                             const std::optional<LoraSpec>& lora)
    : lora_(lora) {
  const auto options = at::TensorOptions().dtype(at::kFloat).device(memory.device);
  for (const ParameterShape& parameter : parameters) {
    torch::nn::Module& owner = owner_of(root, parameter.name);
    const std::string last = parameter.name.substr(parameter.name.rfind('.') + 1);
    const at::Tensor values = memory.none && parameter.trainable
                                  ? without_memory(parameter.shape, options)
                                  : at::empty(parameter.shape, options);
    tensors_[parameter.name] = parameter.trainable ? owner.register_parameter(last, values)
                                                   : owner.register_buffer(last, values);
  }
}

at::Tensor ParameterTree::get(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? at::Tensor() : found->second;
}

ops::LinearWeights ParameterTree::linear(const std::string& name) const {
  ops::LinearWeights weights{get(name + ".weight"), get(name + ".bias")};
  const LoraTarget* target = lora_ ? lora_->find(name) : nullptr;
  if (target == nullptr || !weights.weight.defined()) return weights;
  ops::LowRank update{get(name + kLoraA), get(name + kLoraB), {}, lora_->scale};
  for (const LoraUpdate& part : target->updates) {
    update.parts.push_back({part.row_begin, part.row_end});
  }
  weights.update = std::make_shared<const ops::LowRank>(std::move(update));
  return weights;
}

}  // namespace ropewalk

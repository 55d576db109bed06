// B batch, T tokens, D hidden size.
#include "model/decoder_block.h"

namespace ropewalk {
namespace {

const Norm* pointer(const std::optional<Norm>& norm) { return norm ? &*norm : nullptr; }

}  // namespace

DecoderBlock::DecoderBlock(const DecoderSpec& spec, int64_t layer, const ParameterMemory& memory)
    : residual_(spec.residual),
      tree_(*this, block_parameters(spec, layer), memory, spec.lora),
      attention_path_(spec, tree_, "attention_post_norm"),
      mlp_path_(spec, tree_, "mlp_post_norm"),
      output_(tree_.linear("attention.output")),
      attention_(make_attention(spec, layer, tree_)),
      mlp_(make_mlp(spec, layer, tree_)) {
  if (!spec.pre_norms) return;
  attention_norm_.emplace(spec.norm, tree_, "attention_norm");
  if (residual_ != ResidualKind::kParallelShared) mlp_norm_.emplace(spec.norm, tree_, "mlp_norm");
}

BlockOutputs DecoderBlock::forward(const BlockInputs& in) {
  if (residual_ != ResidualKind::kParallelShared) return finish(in, attend(in));
  const at::Tensor normed_BTD = (*attention_norm_)(in.hidden_BTD);
  return mlp_->add({normed_BTD, nullptr, add_attention(in, normed_BTD, nullptr)}, mlp_path_);
}

at::Tensor DecoderBlock::attend(const BlockInputs& in) {
  return add_attention(in, in.hidden_BTD, pointer(attention_norm_));
}

BlockOutputs DecoderBlock::finish(const BlockInputs& in, const at::Tensor& attended_BTD) {
  switch (residual_) {
    case ResidualKind::kSerial:
      break;
    case ResidualKind::kParallel:
      return mlp_->add({in.hidden_BTD, pointer(mlp_norm_), attended_BTD}, mlp_path_);
    case ResidualKind::kParallelShared:
      return mlp_->add({(*attention_norm_)(in.hidden_BTD), nullptr, attended_BTD}, mlp_path_);
  }
  return mlp_->add({attended_BTD, pointer(mlp_norm_), {}}, mlp_path_);
}

// `x`: what is attended to, before `norm` if there is one.
at::Tensor DecoderBlock::add_attention(const BlockInputs& in,
                                       const at::Tensor& x_BTD,
                                       const Norm* norm) const {
  const auto [attended, residual_BTD] = attention_->attend(x_BTD, norm, in);
  return attention_path_.add_linear(norm ? residual_BTD : in.hidden_BTD, attended, output_);
}

}  // namespace ropewalk

// B batch, T tokens, D hidden size.
#include "model/decoder_block.h"

namespace ropewalk {
namespace {

const Norm* pointer(const std::optional<Norm>& norm) { return norm ? &*norm : nullptr; }

}  // namespace

DecoderBlock::DecoderBlock(const DecoderSpec& spec, int64_t layer, const ParameterMemory& memory)
    : residual_(spec.residual),
      tree_(*this, block_parameters(spec, layer), memory),
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
  if (residual_ != ResidualKind::kSerial) return forward_parallel(in);
  const auto [attended, residual_BTD] =
      attention_->attend(in.hidden_BTD, pointer(attention_norm_), in);
  const at::Tensor middle_BTD = attention_path_.add_linear(residual_BTD, attended, output_);
  return mlp_->add({middle_BTD, pointer(mlp_norm_), {}}, mlp_path_);
}

// Both halves read the block's input.
BlockOutputs DecoderBlock::forward_parallel(const BlockInputs& in) const {
  if (residual_ == ResidualKind::kParallelShared) {
    const at::Tensor normed_BTD = (*attention_norm_)(in.hidden_BTD);
    const at::Tensor attended = std::get<0>(attention_->attend(normed_BTD, nullptr, in));
    return mlp_->add(
        {normed_BTD, nullptr, attention_path_.add_linear(in.hidden_BTD, attended, output_)},
        mlp_path_);
  }
  const auto [attended, residual_BTD] =
      attention_->attend(in.hidden_BTD, pointer(attention_norm_), in);
  const at::Tensor middle_BTD = attention_path_.add_linear(residual_BTD, attended, output_);
  return mlp_->add({in.hidden_BTD, pointer(mlp_norm_), middle_BTD}, mlp_path_);
}

}  // namespace ropewalk

// One block: attention and MLP on the residual path, in the order that the spec says.
#pragma once

#include <memory>
#include <optional>

#include "model/attention.h"
#include "model/mlp.h"
#include "ropewalk/model/block.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

class DecoderBlock final : public Block {
 public:
  DecoderBlock(const DecoderSpec& spec, int64_t layer, const ParameterMemory& memory);
  BlockOutputs forward(const BlockInputs& inputs) override;
  at::Tensor attend(const BlockInputs& inputs) override;
  BlockOutputs finish(const BlockInputs& inputs, const at::Tensor& attended_BTD) override;

 private:
  at::Tensor add_attention(const BlockInputs& inputs,
                           const at::Tensor& x_BTD,
                           const Norm* norm) const;

  ResidualKind residual_;
  ParameterTree tree_;
  std::optional<Norm> attention_norm_, mlp_norm_;
  OutputPath attention_path_, mlp_path_;
  ops::LinearWeights output_;
  std::unique_ptr<Attention> attention_;
  std::unique_ptr<Mlp> mlp_;
};

}  // namespace ropewalk

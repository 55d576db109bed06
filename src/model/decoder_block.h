// The serial pre-norm block: x + attention(norm(x)), then x + mlp(norm(x)).
#pragma once

#include <memory>

#include "model/weight.h"
#include "ropewalk/model/block.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

class DecoderBlock final : public Block {
 public:
  DecoderBlock(const DecoderSpec& spec, int64_t layer, at::Device device);
  at::Tensor forward(const BlockInputs& inputs) override;

 private:
  ops::HeadShape heads_;
  double norm_eps_;
  double attention_scale_;
  int64_t layer_;
  std::shared_ptr<Weight> attention_norm_, qkv_, output_, mlp_norm_, gate_up_, down_;
};

}  // namespace ropewalk

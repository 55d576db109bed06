// Self-attention up to its output projection.
#pragma once

#include <memory>
#include <tuple>

#include "model/norm.h"
#include "ropewalk/model/block.h"
#include "ropewalk/ops/attention.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

class Attention {
 public:
  virtual ~Attention() = default;
  // x [B, T, D] -> {[B, T, H * Dv], x for the residual path}. With a norm, its result is attended
  // to instead of x.
  virtual std::tuple<at::Tensor, at::Tensor> attend(const at::Tensor& x_BTD,
                                                    const Norm* norm,
                                                    const BlockInputs& in) const = 0;
};

// What the attention op needs to know of a layer.
class AttentionScores {
 public:
  AttentionScores(const DecoderSpec& spec, int64_t layer, const ParameterTree& tree)
      : window_(spec.layer(layer).window),
        softcap_(spec.attention_softcap),
        sinks_H_(tree.get("attention.sinks")) {}

  ops::AttentionOptions options(const BlockInputs& in) const {
    return {in.score_scale, window_, softcap_, sinks_H_, in.documents.get(), in.part.get()};
  }

 private:
  int64_t window_;
  double softcap_;
  at::Tensor sinks_H_;
};

// Over the parameters "attention.*" of the tree.
std::unique_ptr<Attention> make_attention(const DecoderSpec& spec,
                                          int64_t layer,
                                          const ParameterTree& tree);

}  // namespace ropewalk

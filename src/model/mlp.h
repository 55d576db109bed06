// The feed-forward half of a block.
#pragma once

#include <memory>

#include "model/output_path.h"
#include "ropewalk/model/block.h"
#include "ropewalk/ops/activation.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

struct MlpInputs {
  at::Tensor x_BTD;
  const Norm* norm = nullptr;  // on x; may be null
  // What the output is added to; undefined: x itself.
  at::Tensor residual_BTD;
};

class Mlp {
 public:
  virtual ~Mlp() = default;
  virtual BlockOutputs add(const MlpInputs& in, const OutputPath& path) const = 0;
};

// Over the parameters "mlp.*" of the tree.
std::unique_ptr<Mlp> make_mlp(const DecoderSpec& spec, int64_t layer, const ParameterTree& tree);
std::unique_ptr<Mlp> make_experts(const DecoderSpec& spec, const ParameterTree& tree);

// Gate, up, activation and down of one feed-forward network, without the residual path.
class FeedForward {
 public:
  FeedForward(const DecoderSpec& spec, const ParameterTree& tree, const std::string& name);

  const ops::LinearWeights& first() const { return first_; }
  // down(activation(inner)), where inner = first()(x); added to the residual if that is defined.
  at::Tensor second(const at::Tensor& residual, const at::Tensor& inner) const;

 private:
  bool gated_;
  bool xielu_;
  ops::Activation activation_;
  ops::LinearWeights first_, down_;
  ops::XieluParameters xielu_parameters_;
};

ops::Activation ops_activation(Activation activation);

}  // namespace ropewalk

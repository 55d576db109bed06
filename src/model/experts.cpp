// B batch, T tokens, N = B * T, D hidden size, E experts, F width of an expert.
#include "model/mlp.h"
#include "ropewalk/ops/routers.h"

namespace ropewalk {
namespace {

class Experts final : public Mlp {
 public:
  Experts(const DecoderSpec& spec, const ParameterTree& tree)
      : spec_(*spec.experts),
        router_(tree.linear("mlp.router")),
        correction_E_(tree.get("mlp.router.correction")),
        first_(tree.linear("mlp.experts.gate_up")),
        second_(tree.linear("mlp.experts.down")),
        options_{ops_activation(spec.activation), spec.gated_mlp, spec_.swiglu_limit, false},
        switch_(tree.linear("mlp.shared.switch")) {
    if (spec_.shared_intermediate_size > 0) shared_.emplace(spec, tree, "mlp.shared");
  }

  BlockOutputs add(const MlpInputs& in, const OutputPath& path) const override {
    const at::Tensor normed_BTD = in.norm ? (*in.norm)(in.x_BTD) : in.x_BTD;
    const at::Tensor x_ND = normed_BTD.flatten(0, 1);
    const at::Tensor logits_NE =
        ops::linear(x_ND.to(at::promote_types(x_ND.scalar_type(), at::kFloat)), router_);
    at::Tensor y_ND = ops::experts(x_ND, route(logits_NE), weights(), options_);
    if (shared_) y_ND = y_ND + shared(x_ND);
    const at::Tensor residual_BTD = in.residual_BTD.defined() ? in.residual_BTD : in.x_BTD;
    return {path.add(residual_BTD, y_ND.view_as(normed_BTD)), statistics(logits_NE)};
  }

 private:
  ops::ExpertWeights weights() const {
    const auto by_expert = [&](const at::Tensor& rows) {
      return rows.defined() ? rows.unflatten(0, {spec_.num_experts, -1}) : rows;
    };
    return {by_expert(first_.weight),
            by_expert(first_.bias),
            by_expert(second_.weight),
            by_expert(second_.bias)};
  }

  ops::Routing route(const at::Tensor& logits_NE) const {
    const ops::GroupTopK groups{spec_.experts_per_token,
                                spec_.num_groups,
                                spec_.groups_per_token,
                                spec_.renormalize,
                                spec_.weight_scale,
                                correction_E_};
    switch (spec_.router) {
      case RouterKind::kSoftmax:
        return ops::softmax_top_k(logits_NE, spec_.experts_per_token, spec_.renormalize);
      case RouterKind::kSoftmaxGroup:
        return ops::softmax_group_top_k(logits_NE, groups);
      case RouterKind::kSigmoidGroup:
        return ops::sigmoid_group_top_k(logits_NE, groups);
      case RouterKind::kSparseMixer:
        break;
    }
    return ops::sparse_mixer(logits_NE, spec_.jitter_eps);
  }

  at::Tensor shared(const at::Tensor& x_ND) const {
    const at::Tensor y_ND = shared_->second({}, ops::linear(x_ND, shared_->first()));
    return switch_.weight.defined() ? y_ND * at::sigmoid(ops::linear(x_ND, switch_)) : y_ND;
  }

  // [2, E]: sums of the router's probabilities, and of its choices.
  at::Tensor statistics(const at::Tensor& logits_NE) const {
    if (spec_.auxiliary_loss == 0.0) return {};
    const auto layer = ops::balance_statistics(logits_NE, spec_.experts_per_token);
    return at::stack({layer.probabilities_E, layer.choices_E.to(layer.probabilities_E)});
  }

  ExpertsSpec spec_;
  ops::LinearWeights router_;
  at::Tensor correction_E_;
  ops::LinearWeights first_, second_;  // rows of all experts
  ops::ExpertOptions options_;
  std::optional<FeedForward> shared_;
  ops::LinearWeights switch_;
};

}  // namespace

std::unique_ptr<Mlp> make_experts(const DecoderSpec& spec, const ParameterTree& tree) {
  return std::make_unique<Experts>(spec, tree);
}

}  // namespace ropewalk

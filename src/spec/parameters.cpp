#include "ropewalk/spec/parameters.h"

#include <cmath>
#include <functional>
#include <numeric>

namespace ropewalk {
namespace {

class Listing {
 public:
  explicit Listing(const DecoderSpec& spec) : spec_(spec) {}

  // `parts`: row counts of what is stacked in it.
  void matrix(const std::string& name, std::vector<int64_t> parts, int64_t columns, bool bias) {
    const int64_t rows = std::accumulate(parts.begin(), parts.end(), int64_t{0});
    add({name + ".weight", {rows, columns}, parts, ParameterRole::kMatrix});
    if (bias) add({name + ".bias", {rows}, std::move(parts)});
    const LoraTarget* target = spec_.lora ? spec_.lora->find(name) : nullptr;
    if (target != nullptr) lora(*target, columns);
  }
  void vector(const std::string& name, int64_t size, double initial = 0.0) {
    add({name, {size}, {size}});
    list_.back().initial = initial;
    list_.back().full_precision = true;
  }
  void buffer(const std::string& name, int64_t size, double initial = 0.0) {
    vector(name, size, initial);
    list_.back().trainable = false;
  }
  void norm(const std::string& name, int64_t size, const NormSpec& norm) {
    if (norm.weight) vector(name + ".weight", size, 1.0 - norm.weight_offset);
    if (norm.bias) vector(name + ".bias", size);
  }
  void norm(const std::string& name) { norm(name, spec_.hidden_size, spec_.norm); }
  // Repeats the parts for every expert.
  void experts(const std::string& name, std::vector<int64_t> parts, int64_t columns) {
    const ExpertsSpec& experts = *spec_.experts;
    std::vector<int64_t> all;
    for (int64_t e = 0; e < experts.num_experts; ++e) {
      all.insert(all.end(), parts.begin(), parts.end());
    }
    const size_t first = list_.size();
    matrix(name, std::move(all), columns, experts.bias);
    list_[first].role = ParameterRole::kExperts;
    for (size_t i = first; i < list_.size(); ++i) list_[i].groups = experts.num_experts;
  }

  void attention() {
    // A module lists its own parameters before those of its parts.
    if (spec_.attention_sinks) vector("attention.sinks", spec_.num_heads);
    if (spec_.latent) {
      latent_attention();
    } else {
      const int64_t query = spec_.num_heads * spec_.head_dim;
      const int64_t key = spec_.num_kv_heads * spec_.head_dim;
      matrix("attention.qkv", {query, key, key}, spec_.hidden_size, spec_.qkv_bias);
      qk_norms();
    }
    matrix("attention.output",
           {spec_.hidden_size},
           spec_.num_heads * spec_.value_dim(),
           spec_.output_bias);
  }

  void mlp(const std::string& name, int64_t inner) {
    gate_and_up(name, inner);
    if (spec_.activation == Activation::kXielu) {
      xielu(name + ".activation.");
    }
    matrix(name + ".down", {spec_.hidden_size}, inner, spec_.mlp_down_bias);
  }

  void mixture() {
    const ExpertsSpec& experts = *spec_.experts;
    const size_t router = list_.size();
    matrix("mlp.router", {experts.num_experts}, spec_.hidden_size, experts.router_bias);
    for (size_t i = router; i < list_.size(); ++i) list_[i].full_precision = true;
    if (experts.router == RouterKind::kSigmoidGroup) {
      buffer("mlp.router.correction", experts.num_experts);
    }
    const int64_t inner = experts.intermediate_size;
    this->experts("mlp.experts.gate_up", {inner, inner}, spec_.hidden_size);
    this->experts("mlp.experts.down", {spec_.hidden_size}, inner);
    if (experts.shared_intermediate_size == 0) return;
    gate_and_up("mlp.shared", experts.shared_intermediate_size);
    matrix("mlp.shared.down",
           {spec_.hidden_size},
           experts.shared_intermediate_size,
           spec_.mlp_down_bias);
    if (experts.shared_gate) matrix("mlp.shared.switch", {1}, spec_.hidden_size, false);
  }

  std::vector<ParameterShape> take() { return std::move(list_); }

 private:
  void add(ParameterShape shape) { list_.push_back(std::move(shape)); }

  void lora(const LoraTarget& target, int64_t columns) {
    const int64_t rank = spec_.lora->rank, updates = std::ssize(target.updates);
    ParameterShape a{target.parameter + kLoraA, {updates * rank, columns}};
    a.parts.assign(target.updates.size(), rank);
    a.role = ParameterRole::kLoraA;
    ParameterShape b{target.parameter + kLoraB, {0, rank}};
    for (const LoraUpdate& update : target.updates) {
      b.parts.push_back(update.row_end - update.row_begin);
      b.shape.front() += b.parts.back();
    }
    b.role = ParameterRole::kLoraB;
    add(std::move(a));
    add(std::move(b));
  }

  // Started where both slopes are 0.8, as transformers does.
  void xielu(const std::string& prefix) {
    constexpr double kSlope = 0.8, kBeta = 0.5;
    vector(prefix + "alpha_p", 1, std::log(std::expm1(kSlope)));
    vector(prefix + "alpha_n", 1, std::log(std::expm1(kSlope - kBeta)));
    buffer(prefix + "beta", 1, kBeta);
    buffer(prefix + "eps", 1, -1e-6);
  }

  void gate_and_up(const std::string& name, int64_t inner) {
    if (spec_.gated_mlp) {
      matrix(name + ".gate_up", {inner, inner}, spec_.hidden_size, spec_.mlp_up_bias);
    } else {
      matrix(name + ".up", {inner}, spec_.hidden_size, spec_.mlp_up_bias);
    }
  }

  void qk_norms() {
    if (spec_.qk_norm == QkNorm::kNone) return;
    qk_norm("attention.q_norm", spec_.num_heads);
    qk_norm("attention.k_norm", spec_.num_kv_heads);
  }

  void qk_norm(const std::string& name, int64_t heads) {
    const int64_t dim = spec_.head_dim;
    const size_t first = list_.size();
    norm(name, spec_.qk_norm == QkNorm::kHead ? dim : heads * dim, spec_.qk_norm_spec);
    if (spec_.qk_norm != QkNorm::kEachHead) return;
    for (size_t i = first; i < list_.size(); ++i) {
      list_[i].groups = heads;
      list_[i].parts.assign(static_cast<size_t>(heads), dim);
    }
  }

  void latent_attention() {
    const LatentSpec& latent = *spec_.latent;
    const int64_t query = spec_.num_heads * (latent.nope_dim + latent.rope_dim);
    if (latent.q_rank > 0) {
      matrix("attention.q_a", {latent.q_rank}, spec_.hidden_size, spec_.qkv_bias);
      norm("attention.q_a_norm", latent.q_rank, spec_.qk_norm_spec);
      matrix("attention.q", {query}, latent.q_rank, false);
    } else {
      matrix("attention.q", {query}, spec_.hidden_size, false);
    }
    matrix("attention.kv_a", {latent.kv_rank + latent.rope_dim}, spec_.hidden_size, spec_.qkv_bias);
    norm("attention.kv_a_norm", latent.kv_rank, spec_.qk_norm_spec);
    matrix("attention.kv_b",
           {spec_.num_heads * (latent.nope_dim + latent.value_dim)},
           latent.kv_rank,
           false);
  }

  const DecoderSpec& spec_;
  std::vector<ParameterShape> list_;
};

}  // namespace

int64_t ParameterShape::count() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

std::vector<ParameterShape> parameters_before_blocks(const DecoderSpec& spec) {
  Listing list(spec);
  list.matrix("embed_tokens", {spec.vocab_size}, spec.hidden_size, false);
  auto parameters = list.take();
  parameters.front().role = ParameterRole::kEmbedding;
  return parameters;
}

std::vector<ParameterShape> block_parameters(const DecoderSpec& spec, int64_t layer) {
  Listing list(spec);
  if (spec.pre_norms) list.norm("attention_norm");
  list.attention();
  if (spec.post_norms) list.norm("attention_post_norm");
  if (spec.pre_norms && spec.residual != ResidualKind::kParallelShared) list.norm("mlp_norm");
  if (spec.layer(layer).experts) {
    list.mixture();
  } else {
    list.mlp("mlp", spec.intermediate_size);
  }
  if (spec.post_norms) list.norm("mlp_post_norm");
  return list.take();
}

std::vector<ParameterShape> parameters_after_blocks(const DecoderSpec& spec) {
  Listing list(spec);
  list.norm("norm");
  if (!spec.tied_embeddings) {
    list.matrix("lm_head", {spec.vocab_size}, spec.hidden_size, spec.logit_bias);
  } else if (spec.logit_bias) {
    list.vector("lm_head.bias", spec.vocab_size);
  }
  return list.take();
}

void for_each_parameter(const DecoderSpec& spec,
                        const std::function<void(const ParameterShape&)>& visit) {
  for (const ParameterShape& parameter : parameters_before_blocks(spec)) visit(parameter);
  for (int64_t layer = 0; layer < spec.num_layers; ++layer) {
    for (ParameterShape& parameter : block_parameters(spec, layer)) {
      parameter.name.insert(0, "layers." + std::to_string(layer) + ".");
      visit(parameter);
    }
  }
  for (const ParameterShape& parameter : parameters_after_blocks(spec)) visit(parameter);
}

}  // namespace ropewalk

// B batch, T tokens, D hidden size, V vocabulary, E experts.
#include "ropewalk/model/decoder.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>

#include "model/decoder_block.h"
#include "model/norm.h"
#include "model/parameter_tree.h"
#include "model/rotary_cache.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/ops/routers.h"

namespace ropewalk {
namespace {

void check_dropouts(const DecoderSpec& spec) {
  if (spec.dropouts.empty()) return;
  const auto& [key, value] = spec.dropouts.front();
  throw ConfigError("model config: " + key + " is " + format_number(value) +
                    ", expected 0: dropout is not offered in training; set " + key +
                    " to 0.0 in the model's config.json");
}

void check_spec(const DecoderSpec& spec, const DecoderOptions& options) {
  if (options.for_training) check_dropouts(spec);
  if (options.compute_dtype != at::kFloat && options.compute_dtype != at::kBFloat16) {
    throw ConfigError("precision: compute type " +
                      std::string(c10::toString(options.compute_dtype)) +
                      " is not offered, expected fp32 or bf16");
  }
  ROPEWALK_CHECK(spec.num_kv_heads > 0 && spec.num_heads % spec.num_kv_heads == 0,
                 "num_key_value_heads must divide num_attention_heads");
  ROPEWALK_CHECK(static_cast<int64_t>(spec.layers.size()) == spec.num_layers,
                 "the spec describes every layer");
}

at::Tensor balance_loss(const std::vector<at::Tensor>& router_2E, int64_t num_tokens) {
  std::vector<ops::BalanceStatistics> layers;
  for (const at::Tensor& layer : router_2E) layers.push_back({layer[0], layer[1], num_tokens});
  return ops::load_balancing_loss(layers);
}

}  // namespace

Decoder::Decoder(const DecoderSpec& spec, const DecoderOptions& options)
    : spec_(spec), options_(options), runner_(std::make_shared<PlainBlockRunner>()) {
  const ParameterTree first(*this, parameters_before_blocks(spec), options.device);
  auto layers = register_module("layers", torch::nn::ModuleList());
  for (int64_t n = 0; n < spec.num_layers; ++n) {
    blocks_.push_back(std::make_shared<DecoderBlock>(spec, n, options.device));
    layers->push_back(blocks_.back());
  }
  const ParameterTree last(*this, parameters_after_blocks(spec), options.device);
  embedding_VD_ = first.get("embed_tokens.weight");
  output_VD_ = spec.tied_embeddings ? embedding_VD_ : last.get("lm_head.weight");
  output_bias_V_ = last.get("lm_head.bias");
  norm_ = std::make_unique<Norm>(spec.norm, last, "norm");
  rotary_ = std::make_unique<RotaryCache>(spec.rope, options.device);
  if (spec.local_rope) {
    local_rotary_ = std::make_unique<RotaryCache>(*spec.local_rope, options.device);
  }
}

Decoder::~Decoder() = default;

const at::Tensor& Decoder::output_weight() const { return output_VD_; }

std::vector<std::pair<std::string, at::Tensor>> Decoder::named_weights() const {
  std::vector<std::pair<std::string, at::Tensor>> named;
  for (const auto& item : named_parameters()) named.emplace_back(item.key(), item.value());
  for (const auto& item : named_buffers()) named.emplace_back(item.key(), item.value());
  return named;
}

ops::RotaryTables Decoder::rotary_of(int64_t layer, int64_t positions) {
  switch (spec_.layer(layer).rope) {
    case LayerRope::kMain:
      return rotary_->tables(positions);
    case LayerRope::kLocal:
      return local_rotary_->tables(positions);
    case LayerRope::kNone:
      break;
  }
  return {};
}

Decoder::Run Decoder::run(const at::Tensor& tokens_BT, KvCache* cache) {
  ROPEWALK_CHECK(tokens_BT.dim() == 2 && tokens_BT.scalar_type() == at::kLong,
                 "tokens must be int64 [batch, tokens]");
  const int64_t first = cache ? cache->length() : 0, count = tokens_BT.size(1);
  Run run;
  BlockInputs inputs;
  inputs.hidden_BTD = at::embedding(embedding_VD_, tokens_BT).to(options_.compute_dtype);
  if (spec_.embedding_scale != 1.0) inputs.hidden_BTD = inputs.hidden_BTD * spec_.embedding_scale;
  inputs.score_scale = spec_.score_scale();
  inputs.first_position = first;
  inputs.cache = cache;
  for (int64_t n = 0; n < spec_.num_layers; ++n) {
    inputs.rotary = rotary_of(n, first + count);
    BlockOutputs outputs = runner_->run(*blocks_[static_cast<size_t>(n)], inputs);
    inputs.hidden_BTD = std::move(outputs.hidden_BTD);
    if (outputs.router_2E.defined()) run.router_2E.push_back(std::move(outputs.router_2E));
  }
  if (cache) cache->advance(count);
  run.hidden_BTD = (*norm_)(inputs.hidden_BTD);
  return run;
}

at::Tensor Decoder::hidden(const at::Tensor& tokens_BT, KvCache* cache) {
  return run(tokens_BT, cache).hidden_BTD;
}

ops::LogitOptions Decoder::logit_options() const {
  return {output_bias_V_, spec_.logit_scale, spec_.logit_softcap, options_.loss_chunk_tokens};
}

at::Tensor Decoder::logits(const at::Tensor& hidden_BTD) {
  return ops::logits(hidden_BTD, output_VD_, logit_options());
}

at::Tensor Decoder::loss_sum(const at::Tensor& tokens_BT, const at::Tensor& targets_BT) {
  if (at::GradMode::is_enabled()) check_dropouts(spec_);
  const Run forward = run(tokens_BT, nullptr);
  const at::Tensor loss = ops::linear_cross_entropy(
      forward.hidden_BTD.flatten(0, 1), output_VD_, targets_BT.flatten(), logit_options());
  if (forward.router_2E.empty()) return loss;
  const at::Tensor counted = targets_BT.ne(ops::kIgnoredTarget).sum();
  return loss + balance_loss(forward.router_2E, tokens_BT.numel()) *
                    (spec_.experts->auxiliary_loss * counted);
}

at::Tensor Decoder::token_nll(const at::Tensor& tokens_BT, const at::Tensor& targets_BT) {
  at::NoGradGuard no_grad;
  return ops::linear_token_nll(
             hidden(tokens_BT).flatten(0, 1), output_VD_, targets_BT.flatten(), logit_options())
      .view(targets_BT.sizes());
}

void Decoder::set_rope(const RopeParameters& rope) {
  auto changed = std::make_unique<RotaryCache>(rope, options_.device);
  ROPEWALK_CHECK(rope.head_dim == spec_.rope.head_dim && rope.rotary_dims <= rope.head_dim,
                 "the rotary dimensions do not fit the model's heads");
  spec_.rope = rope;
  rotary_ = std::move(changed);
}

void Decoder::set_block_runner(std::shared_ptr<BlockRunner> runner) {
  runner_ = runner ? std::move(runner) : std::make_shared<PlainBlockRunner>();
}

std::shared_ptr<Decoder> build_decoder(const DecoderSpec& spec, const DecoderOptions& options) {
  check_spec(spec, options);
  return std::make_shared<Decoder>(spec, options);
}

}  // namespace ropewalk

// B batch, T tokens, D hidden size, V vocabulary.
#include "ropewalk/model/decoder.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>

#include "model/decoder_block.h"
#include "model/rotary_cache.h"
#include "model/weight.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/ops/linear_cross_entropy.h"
#include "ropewalk/ops/rms_norm.h"

namespace ropewalk {
namespace {

void check_spec(const DecoderSpec& spec, const DecoderOptions& options) {
  if (options.for_training && spec.attention_dropout != 0.0) {
    throw ConfigError("model config: attention_dropout is " +
                      std::to_string(spec.attention_dropout) +
                      ", expected 0: dropout inside attention is not offered in training; set "
                      "attention_dropout to 0.0 in the model's config.json");
  }
  if (options.compute_dtype != at::kFloat && options.compute_dtype != at::kBFloat16) {
    throw ConfigError("precision: compute type " +
                      std::string(c10::toString(options.compute_dtype)) +
                      " is not offered, expected fp32 or bf16");
  }
  ROPEWALK_CHECK(spec.num_kv_heads > 0 && spec.num_heads % spec.num_kv_heads == 0,
                 "num_key_value_heads must divide num_attention_heads");
}

}  // namespace

Decoder::Decoder(const DecoderSpec& spec, const DecoderOptions& options)
    : spec_(spec), options_(options), runner_(std::make_shared<PlainBlockRunner>()) {
  const int64_t vocab = spec.vocab_size, hidden = spec.hidden_size;
  const auto weight = [&](at::IntArrayRef shape) {
    return std::make_shared<Weight>(shape, /*with_bias=*/false, options.device);
  };
  embed_tokens_ = register_module("embed_tokens", weight({vocab, hidden}));
  auto layers = register_module("layers", torch::nn::ModuleList());
  for (int64_t n = 0; n < spec.num_layers; ++n) {
    blocks_.push_back(std::make_shared<DecoderBlock>(spec, n, options.device));
    layers->push_back(blocks_.back());
  }
  norm_ = register_module("norm", weight({hidden}));
  if (!spec.tied_embeddings) lm_head_ = register_module("lm_head", weight({vocab, hidden}));
  rotary_ = std::make_unique<RotaryCache>(spec.rope, options.device);
}

Decoder::~Decoder() = default;

const at::Tensor& Decoder::output_weight() const {
  return lm_head_ ? lm_head_->weight : embed_tokens_->weight;
}

at::Tensor Decoder::hidden(const at::Tensor& tokens_BT, KvCache* cache) {
  ROPEWALK_CHECK(tokens_BT.dim() == 2 && tokens_BT.scalar_type() == at::kLong,
                 "tokens must be int64 [batch, tokens]");
  const int64_t first = cache ? cache->length() : 0, count = tokens_BT.size(1);
  BlockInputs inputs;
  inputs.hidden_BTD = at::embedding(embed_tokens_->weight, tokens_BT).to(options_.compute_dtype);
  inputs.rotary = rotary_->tables(first + count);
  inputs.first_position = first;
  inputs.cache = cache;
  for (const auto& block : blocks_) inputs.hidden_BTD = runner_->run(*block, inputs);
  if (cache) cache->advance(count);
  return ops::rms_norm(inputs.hidden_BTD, norm_->weight, spec_.norm_eps);
}

at::Tensor Decoder::logits(const at::Tensor& hidden_BTD) {
  return ops::linear(hidden_BTD, {output_weight(), {}}).to(at::kFloat);
}

at::Tensor Decoder::loss_sum(const at::Tensor& tokens_BT, const at::Tensor& targets_BT) {
  if (at::GradMode::is_enabled() && spec_.attention_dropout != 0.0) {
    DecoderOptions training = options_;
    training.for_training = true;
    check_spec(spec_, training);
  }
  return ops::linear_cross_entropy(hidden(tokens_BT).flatten(0, 1),
                                   output_weight(),
                                   targets_BT.flatten(),
                                   options_.loss_chunk_tokens);
}

at::Tensor Decoder::token_nll(const at::Tensor& tokens_BT, const at::Tensor& targets_BT) {
  at::NoGradGuard no_grad;
  return ops::linear_token_nll(hidden(tokens_BT).flatten(0, 1),
                               output_weight(),
                               targets_BT.flatten(),
                               options_.loss_chunk_tokens)
      .view(targets_BT.sizes());
}

void Decoder::set_rope(const RopeParameters& rope) {
  auto changed = std::make_unique<RotaryCache>(rope, options_.device);
  ROPEWALK_CHECK(rope.head_dim == spec_.head_dim && rope.rotary_dims <= spec_.head_dim,
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

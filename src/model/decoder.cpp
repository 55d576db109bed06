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
#include "ropewalk/ops/embedding.h"
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

// `num_tokens`: of this piece, where the tokens are one.
at::Tensor balance_loss(std::vector<at::Tensor> router_2E,
                        int64_t num_tokens,
                        const ops::SequencePart* part) {
  if (part) {
    router_2E = part->sum(at::stack(router_2E)).unbind();
    num_tokens *= part->num_pieces();
  }
  std::vector<ops::BalanceStatistics> layers;
  for (const at::Tensor& layer : router_2E) layers.push_back({layer[0], layer[1], num_tokens});
  return ops::load_balancing_loss(layers);
}

// Where each token stands, where that is not one behind the other; null = it is.
const at::Tensor* token_positions(const BlockInputs& inputs) {
  if (inputs.part) return &inputs.part->positions_T();
  return inputs.documents ? &inputs.documents->positions_T : nullptr;
}

}  // namespace

Decoder::Decoder(const DecoderSpec& spec, const DecoderOptions& options)
    : spec_(spec), options_(options), runner_(std::make_shared<PlainBlockRunner>()) {
  const ParameterMemory memory{.device = options.device, .none = options.parameters_without_memory};
  const ParameterTree first(*this, parameters_before_blocks(spec), memory);
  auto layers = register_module("layers", torch::nn::ModuleList());
  for (int64_t n = 0; n < spec.num_layers; ++n) {
    blocks_.push_back(std::make_shared<DecoderBlock>(spec, n, memory));
    layers->push_back(blocks_.back());
  }
  const ParameterTree last(*this, parameters_after_blocks(spec), memory);
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

std::vector<std::pair<std::string, at::Tensor>> Decoder::parameters_by_name() const {
  std::vector<std::pair<std::string, at::Tensor>> named;
  for (const auto& item : named_parameters()) named.emplace_back(item.key(), item.value());
  return named;
}

std::vector<std::pair<std::string, at::Tensor>> Decoder::named_weights() const {
  std::vector<std::pair<std::string, at::Tensor>> named = parameters_by_name();
  for (const auto& item : named_buffers()) named.emplace_back(item.key(), item.value());
  return named;
}

std::array<ops::RotaryTables, 3> Decoder::rotary_tables(const BlockInputs& inputs,
                                                        int64_t num_tokens) {
  const at::Tensor* rows_T = token_positions(inputs);
  const int64_t positions = inputs.part        ? inputs.part->num_positions()
                            : inputs.documents ? inputs.documents->longest
                                               : inputs.first_position + num_tokens;
  std::array<ops::RotaryTables, 3> tables;
  const auto fill = [&](LayerRope kind, RotaryCache& cache) {
    ops::RotaryTables& filled = tables[static_cast<size_t>(kind)] = cache.tables(positions);
    if (!rows_T || !filled.cos.defined()) return;
    filled.cos = filled.cos.index_select(0, *rows_T);
    filled.sin = filled.sin.index_select(0, *rows_T);
  };
  fill(LayerRope::kMain, *rotary_);
  if (local_rotary_) fill(LayerRope::kLocal, *local_rotary_);
  return tables;
}

Decoder::Run Decoder::run(const at::Tensor& tokens_BT, BlockInputs inputs) {
  ROPEWALK_CHECK(tokens_BT.dim() == 2 && tokens_BT.scalar_type() == at::kLong,
                 "tokens must be int64 [batch, tokens]");
  const at::Tensor* positions_T = token_positions(inputs);
  // Pieces of rows that are one document each stand alike in all rows.
  const bool one_row =
      inputs.documents || (positions_T && positions_T->numel() > tokens_BT.size(1));
  if (!one_row) return run_rows(tokens_BT, std::move(inputs));
  ROPEWALK_CHECK(!inputs.cache && positions_T->numel() == tokens_BT.numel(),
                 "the documents must cover all tokens, and there is no cache of them");
  // The documents of all rows make one long row.
  Run run = run_rows(tokens_BT.reshape({1, -1}), std::move(inputs));
  run.hidden_BTD = run.hidden_BTD.view({tokens_BT.size(0), tokens_BT.size(1), -1});
  return run;
}

Decoder::Run Decoder::run_rows(const at::Tensor& tokens_BT, BlockInputs inputs) {
  KvCache* const cache = inputs.cache;
  Run run;
  inputs.hidden_BTD = ops::embedding(embedding_VD_, tokens_BT, options_.compute_dtype);
  if (spec_.embedding_scale != 1.0) inputs.hidden_BTD = inputs.hidden_BTD * spec_.embedding_scale;
  inputs.score_scale = spec_.score_scale();
  inputs.first_position = cache ? cache->length() : 0;
  const auto rotary = rotary_tables(inputs, tokens_BT.size(1));
  for (int64_t n = 0; n < spec_.num_layers; ++n) {
    inputs.rotary = rotary[static_cast<size_t>(spec_.layer(n).rope)];
    BlockOutputs outputs = runner_->run(*blocks_[static_cast<size_t>(n)], inputs);
    inputs.hidden_BTD = std::move(outputs.hidden_BTD);
    if (outputs.router_2E.defined()) run.router_2E.push_back(std::move(outputs.router_2E));
  }
  if (cache) cache->advance(tokens_BT.size(1));
  run.hidden_BTD = (*norm_)(inputs.hidden_BTD);
  return run;
}

at::Tensor Decoder::hidden(const at::Tensor& tokens_BT, KvCache* cache) {
  BlockInputs inputs;
  inputs.cache = cache;
  return run(tokens_BT, std::move(inputs)).hidden_BTD;
}

at::Tensor Decoder::hidden(const at::Tensor& tokens_BT,
                           const std::shared_ptr<const ops::Documents>& documents) {
  BlockInputs inputs;
  inputs.documents = documents;
  return run(tokens_BT, std::move(inputs)).hidden_BTD;
}

at::Tensor Decoder::hidden(const at::Tensor& tokens_BT,
                           const std::shared_ptr<const ops::SequencePart>& part) {
  BlockInputs inputs;
  inputs.part = part;
  return run(tokens_BT, std::move(inputs)).hidden_BTD;
}

ops::LogitOptions Decoder::logit_options() const {
  return {output_bias_V_, spec_.logit_scale, spec_.logit_softcap, options_.loss_chunk_tokens};
}

at::Tensor Decoder::logits(const at::Tensor& hidden_BTD) {
  return ops::logits(hidden_BTD, output_VD_, logit_options());
}

at::Tensor Decoder::loss_sum(const at::Tensor& tokens_BT,
                             const at::Tensor& targets_BT,
                             const std::shared_ptr<const ops::Documents>& documents) {
  BlockInputs inputs;
  inputs.documents = documents;
  return loss_sum(tokens_BT, targets_BT, std::move(inputs));
}

at::Tensor Decoder::loss_sum(const at::Tensor& tokens_BT,
                             const at::Tensor& targets_BT,
                             const std::shared_ptr<const ops::SequencePart>& part) {
  BlockInputs inputs;
  inputs.part = part;
  return loss_sum(tokens_BT, targets_BT, std::move(inputs));
}

at::Tensor Decoder::loss_sum(const at::Tensor& tokens_BT,
                             const at::Tensor& targets_BT,
                             BlockInputs inputs) {
  if (at::GradMode::is_enabled()) check_dropouts(spec_);
  const auto part = inputs.part;
  Run forward = run(tokens_BT, std::move(inputs));
  const at::Tensor loss = ops::linear_cross_entropy(
      forward.hidden_BTD.flatten(0, 1), output_VD_, targets_BT.flatten(), logit_options());
  if (forward.router_2E.empty()) return loss;
  const at::Tensor counted = targets_BT.ne(ops::kIgnoredTarget).sum();
  return loss + balance_loss(std::move(forward.router_2E), tokens_BT.numel(), part.get()) *
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

// A decoder-only transformer built from a DecoderSpec; single device, knows nothing of ranks.
//
// Parameters are fp32 in own memory (they are the master weights) under the names of the weight
// map, and are cast to the compute type at use. Not thread-safe.
#pragma once

#include <torch/nn/module.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ropewalk/model/block.h"
#include "ropewalk/model/block_runner.h"
#include "ropewalk/model/kv_cache.h"
#include "ropewalk/ops/linear_cross_entropy.h"
#include "ropewalk/rope/rope_parameters.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

struct DecoderOptions {
  at::ScalarType compute_dtype = at::kFloat;  // kFloat or kBFloat16
  int64_t loss_chunk_tokens = 0;              // 0: chosen by vocabulary size
  at::Device device = at::kCPU;
  // Parameters have shapes but no memory: whoever shards them gives it. What is not trained has
  // memory all the same.
  bool parameters_without_memory = false;
  // Refuse what only training lacks (dropout), instead of computing something else.
  bool for_training = false;
};

class ParameterTree;
class Norm;
class RotaryCache;

class Decoder : public torch::nn::Module {
 public:
  Decoder(const DecoderSpec& spec, const DecoderOptions& options);
  ~Decoder() override;

  const DecoderSpec& spec() const { return spec_; }
  const DecoderOptions& options() const { return options_; }

  // normal(0, initializer_range) for matrices, ParameterShape::initial for vectors. A value depends
  // on the seed, the parameter's name and its index only, not on threads, ranks or device.
  void initialize(uint64_t seed);

  // tokens [B, T] int64 -> normalised hidden states [B, T, D] in the compute type. With a cache the
  // tokens follow those that it holds.
  at::Tensor hidden(const at::Tensor& tokens_BT, KvCache* cache = nullptr);
  // [..., D] -> fp32 [..., V].
  at::Tensor logits(const at::Tensor& hidden_BTD);
  // The same for rows that hold several documents: `documents` are those of all rows, one row after
  // another. No token sees another document, and positions begin at 0 in each.
  at::Tensor hidden(const at::Tensor& tokens_BT,
                    const std::shared_ptr<const ops::Documents>& documents);
  // The same for pieces of rows.
  at::Tensor hidden(const at::Tensor& tokens_BT,
                    const std::shared_ptr<const ops::SequencePart>& part);
  // fp32 scalar: SUM of cross-entropy over the targets that are not -100, plus the load-balancing
  // loss that the spec asks for, times the number of those targets. Full logits never exist.
  // `documents` as above; null: every row is one document.
  at::Tensor loss_sum(const at::Tensor& tokens_BT,
                      const at::Tensor& targets_BT,
                      const std::shared_ptr<const ops::Documents>& documents = nullptr);
  // The same for pieces of rows: the sum over this piece's targets.
  at::Tensor loss_sum(const at::Tensor& tokens_BT,
                      const at::Tensor& targets_BT,
                      const std::shared_ptr<const ops::SequencePart>& part);
  // fp32 [B, T], 0 where the target is -100; without gradient.
  at::Tensor token_nll(const at::Tensor& tokens_BT, const at::Tensor& targets_BT);

  // Replaces the positions' scaling at run time; weights are neither copied nor reloaded.
  void set_rope(const RopeParameters& rope);
  void set_block_runner(std::shared_ptr<BlockRunner> runner);
  // kFloat or kBFloat16; the parameters stay as they are.
  void set_compute_dtype(at::ScalarType dtype) { options_.compute_dtype = dtype; }

  const std::vector<std::shared_ptr<Block>>& blocks() const { return blocks_; }
  // By the names of the weight map.
  std::vector<std::pair<std::string, at::Tensor>> parameters_by_name() const;
  // These, and what is stored with them but not trained.
  std::vector<std::pair<std::string, at::Tensor>> named_weights() const;
  // lm_head.weight, or embed_tokens.weight when tied.
  const at::Tensor& output_weight() const;

 private:
  struct Run {
    at::Tensor hidden_BTD;
    std::vector<at::Tensor> router_2E;  // of the layers that have one
  };
  // `inputs`: cache, documents or part, if any; the rest is filled in.
  Run run(const at::Tensor& tokens_BT, BlockInputs inputs);
  at::Tensor loss_sum(const at::Tensor& tokens_BT,
                      const at::Tensor& targets_BT,
                      BlockInputs inputs);
  Run run_rows(const at::Tensor& tokens_BT, BlockInputs inputs);
  // Those of a run's tokens, by LayerRope.
  std::array<ops::RotaryTables, 3> rotary_tables(const BlockInputs& inputs, int64_t num_tokens);
  ops::LogitOptions logit_options() const;

  DecoderSpec spec_;
  DecoderOptions options_;
  at::Tensor embedding_VD_, output_VD_, output_bias_V_;
  std::vector<std::shared_ptr<Block>> blocks_;
  std::unique_ptr<Norm> norm_;
  std::unique_ptr<RotaryCache> rotary_, local_rotary_;
  std::shared_ptr<BlockRunner> runner_;
};

// Throws ConfigError if the options ask for what is not offered.
std::shared_ptr<Decoder> build_decoder(const DecoderSpec& spec, const DecoderOptions& options = {});

}  // namespace ropewalk

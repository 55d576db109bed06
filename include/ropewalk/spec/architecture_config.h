// Keys of section `model` that describe an architecture from scratch, in the names that Hugging
// Face configs use.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

struct ArchitectureConfig {
  std::optional<std::string> model_type;
  std::optional<int64_t> vocab_size;
  std::optional<int64_t> hidden_size;
  std::optional<int64_t> intermediate_size;
  std::optional<int64_t> num_hidden_layers;
  std::optional<int64_t> num_attention_heads;
  std::optional<int64_t> num_key_value_heads;
  std::optional<int64_t> head_dim;
  std::optional<double> rms_norm_eps;
  std::optional<bool> tie_word_embeddings;
  std::optional<bool> attention_bias;
  std::optional<bool> mlp_bias;
  std::optional<double> initializer_range;
  std::optional<int64_t> bos_token_id;
  std::optional<int64_t> eos_token_id;

  static constexpr auto fields() {
    using namespace rules;
    using A = ArchitectureConfig;
    return std::tuple{
        field(
            "model_type",
            &A::model_type,
            "From scratch: the family, such as `llama`; `ropewalk inspect --families` lists them.",
            not_empty,
            unset_means("the checkpoint's")),
        field("vocab_size",
              &A::vocab_size,
              "From scratch: number of token ids.",
              positive,
              unset_means("the checkpoint's")),
        field("hidden_size",
              &A::hidden_size,
              "From scratch: width of the residual stream.",
              positive,
              unset_means("the checkpoint's")),
        field("intermediate_size",
              &A::intermediate_size,
              "From scratch: width inside the MLP.",
              positive,
              unset_means("the checkpoint's")),
        field("num_hidden_layers",
              &A::num_hidden_layers,
              "From scratch: number of blocks.",
              positive,
              unset_means("the checkpoint's")),
        field("num_attention_heads",
              &A::num_attention_heads,
              "From scratch: number of query heads.",
              positive,
              unset_means("the checkpoint's")),
        field("num_key_value_heads",
              &A::num_key_value_heads,
              "From scratch: number of key and value heads; a divisor of `num_attention_heads`.",
              positive,
              unset_means("`num_attention_heads`")),
        field("head_dim",
              &A::head_dim,
              "From scratch: dimensions of one head.",
              positive,
              unset_means("`hidden_size` / `num_attention_heads`")),
        field("rms_norm_eps",
              &A::rms_norm_eps,
              "From scratch: added to the mean square inside RMSNorm.",
              positive,
              unset_means("1e-6")),
        field("tie_word_embeddings",
              &A::tie_word_embeddings,
              "From scratch: one matrix for the embedding and the output.",
              unset_means("false")),
        field("attention_bias",
              &A::attention_bias,
              "From scratch: biases in the attention's projections.",
              unset_means("false")),
        field("mlp_bias",
              &A::mlp_bias,
              "From scratch: biases in the MLP's projections.",
              unset_means("false")),
        field("initializer_range",
              &A::initializer_range,
              "From scratch: standard deviation of the initial weights.",
              positive,
              unset_means("0.02")),
        field("bos_token_id",
              &A::bos_token_id,
              "From scratch: id of the begin-of-text token.",
              non_negative,
              unset_means("none")),
        field("eos_token_id",
              &A::eos_token_id,
              "From scratch: id of the end-of-text token, which also separates documents.",
              non_negative,
              unset_means("none")),
    };
  }
};

}  // namespace ropewalk

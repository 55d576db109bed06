// Section `data` of a run config.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

enum class Packing { kConcat, kPacked, kDocument };

constexpr auto enum_names(Packing) {
  return std::array{named(Packing::kConcat, "concat"),
                    named(Packing::kPacked, "packed"),
                    named(Packing::kDocument, "document")};
}

struct DataConfig {
  std::vector<std::string> train;
  std::vector<std::string> validation;
  std::optional<int64_t> sequence_length;
  Packing packing = Packing::kConcat;
  std::optional<bool> add_bos;
  std::optional<bool> add_eos;
  std::vector<double> weights;
  int64_t min_document_tokens = 0;
  std::optional<int64_t> long_document_tokens;
  std::optional<double> long_document_share;
  bool repeat = true;

  static constexpr auto fields() {
    using namespace rules;
    using D = DataConfig;
    return std::tuple{
        field("train",
              &D::train,
              "Folders of token shards made by `ropewalk prepare`, or token files of nanoGPT, "
              "llm.c and "
              "Megatron. Only `train` demands it.",
              not_empty,
              may_change_on_resume,
              path),
        field("validation",
              &D::validation,
              "Folders or files as in `train` for the evaluation during training; none = no "
              "evaluation.",
              not_empty,
              may_change_on_resume,
              path),
        field("sequence_length",
              &D::sequence_length,
              "Tokens in one training sequence.",
              at_least(2),
              unset_means("the model's `max_position_embeddings`")),
        field(
            "packing",
            &D::packing,
            "How documents become sequences. `concat`: joined with the end-of-text token and cut "
            "to length; attention crosses documents. `packed`: as many whole documents, and pieces "
            "of longer ones, as fit, each with attention and positions of its own. `document`: one "
            "document, or one piece of a longer one, filled up with padding."),
        field("add_bos",
              &D::add_bos,
              "Put the begin-of-text token before every document.",
              unset_means("what the tokenizer does; chat data have their own")),
        field("add_eos",
              &D::add_eos,
              "Let the end-of-text token follow every document.",
              unset_means("true; chat data have their own")),
        field(
            "weights",
            &D::weights,
            "Shares of the training sequences, one number for each folder of `train`, relative to "
            "each other. Without them every sequence comes once an epoch.",
            positive),
        field("min_document_tokens",
              &D::min_document_tokens,
              "Training leaves out documents of fewer tokens, and with `document` such pieces of "
              "longer ones.",
              non_negative),
        field("long_document_tokens",
              &D::long_document_tokens,
              "Documents of at least so many tokens are long ones.",
              at_least(1)),
        field(
            "long_document_share",
            &D::long_document_share,
            "Share of the training sequences that is made of long documents, in every folder that "
            "has such.",
            greater_than(0),
            less_than(1)),
        field("repeat",
              &D::repeat,
              "Let the data begin again when all of it was seen. false: a run that needs more is "
              "refused before it starts."),
    };
  }
  void check(Diagnostics& d) const;
};

}  // namespace ropewalk

// Section `data` of a run config.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

enum class Packing { kConcat };

constexpr auto enum_names(Packing) { return std::array{named(Packing::kConcat, "concat")}; }

struct DataConfig {
  std::vector<std::string> train;
  std::vector<std::string> validation;
  std::optional<int64_t> sequence_length;
  Packing packing = Packing::kConcat;
  bool add_bos = false;

  static constexpr auto fields() {
    using namespace rules;
    using D = DataConfig;
    return std::tuple{
        field("train",
              &D::train,
              "Folders of token shards made by `ropewalk prepare`. Only `train` demands it.",
              not_empty,
              may_change_on_resume,
              path),
        field("validation",
              &D::validation,
              "Folders of token shards for the evaluation during training; none = no evaluation.",
              not_empty,
              may_change_on_resume,
              path),
        field("sequence_length",
              &D::sequence_length,
              "Tokens in one training sequence.",
              at_least(2),
              unset_means("the model's `max_position_embeddings`")),
        field("packing",
              &D::packing,
              "How documents become sequences. `concat`: joined with the end-of-text token and cut "
              "to length."),
        field("add_bos", &D::add_bos, "Put the begin-of-text token before every document."),
    };
  }
};

}  // namespace ropewalk

// What other programs make of a config.json that this one wrote.
#include "rope/rope_place.h"
#include "ropewalk/base/text.h"
#include "ropewalk/rope/json_values.h"

namespace ropewalk {
namespace {

std::string number_text(int64_t number) { return std::to_string(number); }

// One object of parameters.
void remark_on(const RopeIdentity& identity, std::vector<std::string>& remarks) {
  const int64_t window = identity.max_position_embeddings;
  const int64_t original = identity.original_max_position_embeddings;
  const double ratio = static_cast<double>(window) / static_cast<double>(original);
  if (identity.kind == RopeKind::kYarn && window != original) {
    remarks.push_back(
        "yarn: older transformers (4.49 is one) compute its ramp from max_position_embeddings (" +
        number_text(window) + ") instead of original_max_position_embeddings (" +
        number_text(original) + "), and so other positions; use 5 or newer");
  }
  if (identity.kind == RopeKind::kDynamic && window != original) {
    remarks.push_back("dynamic: max_position_embeddings in config.json stays " +
                      number_text(original) +
                      ", which transformers takes as the pre-training length; that the model is "
                      "meant for " +
                      number_text(window) + " positions is known here only");
  }
  if (identity.kind == RopeKind::kLongrope) {
    remarks.push_back(
        "longrope: older transformers (4.49 is one) take short_factor at every length, except in "
        "Phi-3's own code; use 5 or newer");
  }
  if (identity.kind == RopeKind::kLongrope && !same_number(identity.factor, ratio)) {
    remarks.push_back("longrope: older transformers take " + format_number(ratio) +
                      ", the ratio of the lengths, instead of factor " +
                      format_number(identity.factor));
  }
}

}  // namespace

std::vector<std::string> foreign_reader_remarks(const Json& config) {
  std::vector<std::string> remarks;
  const auto stored = config.find("ropewalk");
  if (stored == config.end()) return remarks;
  Diagnostics unheard;
  const auto identity = parse_rope_identity(*stored, unheard);
  if (!identity) return remarks;
  if (!config.contains("rope_parameters") && identity->kind != RopeKind::kDefault) {
    remarks.push_back(
        "config.json of this model_type has no field for position scaling: " +
        std::string(rope_kind_name(identity->kind)) + " by " + format_number(identity->factor) +
        " is written as `pos_scaling_factor` and `ropewalk`, which no other program hears; "
        "transformers and others will compute unscaled positions, and wrong output");
    return remarks;
  }
  remark_on(*identity, remarks);
  return remarks;
}

}  // namespace ropewalk

// What a model family must supply. A family is one file under src/spec/families and one row in the
// table of families.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "ropewalk/rope/hf_rope.h"
#include "ropewalk/spec/decoder_spec.h"
#include "ropewalk/spec/quantization.h"

namespace ropewalk {

// How a foreign tensor holds what is one parameter, or one part of it, of ours.
enum class WeightLayout {
  kPlain,               // the same rows
  kScalar,              // one number, without dimensions
  kStacked,             // [groups, rows, ...]: experts, or heads, in a dimension of their own
  kStackedTransposed,   // [experts, in, out]
  kStackedInterleaved,  // [experts, in, out], or [experts, out]; gate and up alternate
  kQkvPerHead,          // [heads, (q, k, v), Dh] rows
  kQkvPerGroup,         // [kv heads, (q of the group, k, v), Dh] rows
  kQkvCodegen,          // [4, (q, v, k), heads / 4, Dh] rows
};

// "{}" stands for the layer's number, "{e}" for that of the group (expert or head). One foreign
// name stands for the whole parameter (or group), else there is one for every part.
struct WeightName {
  std::string ours;  // of block_parameters without, of the others with its full name
  std::vector<std::string> foreign;
  WeightLayout layout = WeightLayout::kPlain;
};

struct FamilyWeights {
  std::vector<WeightName> names;     // those of parameters that a spec lacks are passed over
  std::vector<std::string> ignored;  // foreign tensors that hold nothing to learn
  std::vector<std::string> ignored_when_tied = {"lm_head.weight"};
};

struct SpecReading {
  DecoderSpec spec;                   // spec.rope = rope.now
  RopeReading rope;                   // of the main positions
  std::vector<RopeContext> contexts;  // how they were read, and those of other layer types after
  std::optional<Quantization> quantization;  // of the files that this config describes
};

struct Family {
  std::string model_type;
  std::string architecture;  // "LlamaForCausalLM"
  // Faults and remarks go to the diagnostics, with config.json's keys as places.
  SpecReading (*from_hf)(const Json& config, Diagnostics& diagnostics);
  FamilyWeights (*weights)(const DecoderSpec& spec);
  // For families that can write a config anew; null: only the positions are replaced.
  Json (*write_hf)(const DecoderSpec& spec, const Json& original) = nullptr;

  // `original` with every key that the spec determines replaced, for plain weights: without its
  // quantization_config.
  Json to_hf(const DecoderSpec& spec, const Json& original) const;
};

// The explicit table of known families.
const std::vector<Family>& families();

// Null when the type is not known.
const Family* try_find_family(const std::string& model_type);

// Throws ConfigError: `source` + why this type cannot be used (learned positions, ALiBi, not a
// decoder, not known) + the list of known ones.
const Family& find_family(const std::string& model_type, const std::string& source);

struct RefusedType {
  std::string model_type;
  std::string reason;  // "its positions are learned ..."
};
// Types that are known not to fit, so that the refusal can say why.
const std::vector<RefusedType>& refused_types();

}  // namespace ropewalk

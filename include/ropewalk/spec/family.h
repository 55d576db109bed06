// What a model family must supply. A family is one file under src/spec/families and one row in the
// table of families.cpp.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "ropewalk/rope/hf_rope.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

// Sizes that shapes are made of.
enum class WeightSize { kVocab, kHidden, kInner, kQuery, kKeyValue };

// When a parameter exists.
enum class WeightWhen { kAlways, kUntied, kAttentionBias, kMlpBias };

struct WeightPart {
  std::string foreign;  // "{}" stands for the layer's number
  WeightSize rows;
};

// One parameter of ours. Parts follow each other along the rows; a vector has no columns.
struct WeightRule {
  std::string name;
  std::vector<WeightPart> parts;
  bool matrix = true;
  WeightSize columns = WeightSize::kHidden;
  WeightWhen when = WeightWhen::kAlways;
};

struct FamilyWeights {
  std::vector<WeightRule> before;  // outside the layers, first in the model
  std::vector<WeightRule> layer;   // repeated for every layer
  std::vector<WeightRule> after;
  std::vector<std::string> ignored;  // always
  std::vector<std::string> ignored_when_tied;
};

struct SpecReading {
  DecoderSpec spec;  // spec.rope = rope.now
  RopeReading rope;
};

struct Family {
  std::string model_type;
  std::string architecture;  // "LlamaForCausalLM"
  // Faults and remarks go to the diagnostics, with config.json's keys as places.
  SpecReading (*from_hf)(const Json& config, Diagnostics& diagnostics);
  // `original` with every key the spec determines replaced; pass an empty object to write anew.
  Json (*to_hf)(const DecoderSpec& spec, const Json& original);
  const FamilyWeights& (*weights)();
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

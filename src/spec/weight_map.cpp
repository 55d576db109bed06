#include "ropewalk/spec/weight_map.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/spec/family.h"

namespace ropewalk {
namespace {

int64_t size_of(WeightSize size, const DecoderSpec& spec) {
  switch (size) {
    case WeightSize::kVocab:
      return spec.vocab_size;
    case WeightSize::kHidden:
      return spec.hidden_size;
    case WeightSize::kInner:
      return spec.intermediate_size;
    case WeightSize::kQuery:
      return spec.num_heads * spec.head_dim;
    case WeightSize::kKeyValue:
      return spec.num_kv_heads * spec.head_dim;
  }
  return 0;
}

bool exists(WeightWhen when, const DecoderSpec& spec) {
  switch (when) {
    case WeightWhen::kAlways:
      return true;
    case WeightWhen::kUntied:
      return !spec.tied_embeddings;
    case WeightWhen::kAttentionBias:
      return spec.attention_bias;
    case WeightWhen::kMlpBias:
      return spec.mlp_bias;
  }
  return false;
}

std::string fill_in(const std::string& pattern, int64_t layer) {
  std::string name = pattern;
  const size_t at = name.find("{}");
  if (at != std::string::npos) name.replace(at, 2, std::to_string(layer));
  return name;
}

void append(const std::vector<WeightRule>& rules,
            const DecoderSpec& spec,
            const std::string& prefix,
            int64_t layer,
            std::vector<WeightEntry>& entries) {
  for (const WeightRule& rule : rules) {
    if (!exists(rule.when, spec)) continue;
    WeightEntry entry{prefix + rule.name, {0}, {}};
    if (rule.matrix) entry.shape.push_back(size_of(rule.columns, spec));
    for (const WeightPart& part : rule.parts) {
      WeightSlice slice{fill_in(part.foreign, layer), entry.shape[0], 0, entry.shape};
      slice.shape[0] = size_of(part.rows, spec);
      entry.shape[0] += slice.shape[0];
      slice.row_end = entry.shape[0];
      entry.slices.push_back(std::move(slice));
    }
    entries.push_back(std::move(entry));
  }
}

const FamilyWeights& weights_of(const DecoderSpec& spec) {
  const Family* family = try_find_family(spec.model_type);
  ROPEWALK_CHECK(family != nullptr, "spec of unknown model_type " + spec.model_type);
  return family->weights();
}

}  // namespace

std::vector<WeightEntry> weight_map(const DecoderSpec& spec) {
  const FamilyWeights& weights = weights_of(spec);
  std::vector<WeightEntry> entries;
  append(weights.before, spec, "", 0, entries);
  for (int64_t layer = 0; layer < spec.num_layers; ++layer) {
    append(weights.layer, spec, "layers." + std::to_string(layer) + ".", layer, entries);
  }
  append(weights.after, spec, "", 0, entries);
  return entries;
}

std::vector<std::string> ignored_weights(const DecoderSpec& spec) {
  const FamilyWeights& weights = weights_of(spec);
  std::vector<std::string> patterns = weights.ignored;
  if (spec.tied_embeddings) {
    patterns.insert(
        patterns.end(), weights.ignored_when_tied.begin(), weights.ignored_when_tied.end());
  }
  return patterns;
}

}  // namespace ropewalk

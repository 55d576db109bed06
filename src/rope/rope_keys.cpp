#include "rope/rope_keys.h"

#include <algorithm>

namespace ropewalk {
namespace {

using Names = std::vector<std::string>;

const Names& shared_keys() {
  // `finetuned` is a note that the authors of YaRN left in their configs.
  static const Names names = {
      "rope_type", "type", "rope_theta", "partial_rotary_factor", "finetuned"};
  return names;
}

const Names& own_keys(RopeKind kind) {
  static const Names none;
  // The length is not of HF's schema for these, but it states L, which is all we could wish for.
  static const Names linear = {"factor", "original_max_position_embeddings"};
  static const Names llama3 = {
      "factor", "original_max_position_embeddings", "low_freq_factor", "high_freq_factor"};
  static const Names yarn = {"factor",
                             "original_max_position_embeddings",
                             "beta_fast",
                             "beta_slow",
                             "mscale",
                             "mscale_all_dim",
                             "truncate",
                             "attention_factor"};
  static const Names longrope = {"factor",
                                 "original_max_position_embeddings",
                                 "attention_factor",
                                 "short_factor",
                                 "long_factor"};
  switch (kind) {
    case RopeKind::kDefault:
      return none;
    case RopeKind::kLinear:
    case RopeKind::kDynamic:
    case RopeKind::kProportional:
      return linear;
    case RopeKind::kYarn:
      return yarn;
    case RopeKind::kLlama3:
      return llama3;
    case RopeKind::kLongrope:
      return longrope;
  }
  return none;
}

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool belongs_to_kind(const std::string& key, RopeKind kind) {
  return contains(shared_keys(), key) || contains(own_keys(kind), key);
}

std::vector<std::string> known_rope_keys() {
  Names names = shared_keys();
  for (const RopeKind kind : {RopeKind::kYarn, RopeKind::kLlama3, RopeKind::kLongrope}) {
    names.insert(names.end(), own_keys(kind).begin(), own_keys(kind).end());
  }
  return names;
}

}  // namespace ropewalk

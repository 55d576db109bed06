#include "ropewalk/rope/identity.h"

#include <cmath>
#include <cstdio>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/base/text.h"
#include "ropewalk/rope/frequencies.h"
#include "ropewalk/rope/json_values.h"

namespace ropewalk {
namespace {

std::string canonical(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.8e\n", value);
  return text;
}

std::string describe(const RopeIdentity& identity) {
  RopeParameters rope;
  rope.kind = identity.kind;
  rope.factor = identity.factor;
  rope.theta = identity.theta;
  rope.rotary_dims = rope.head_dim = identity.rotary_dims;
  rope.layout = identity.layout;
  rope.max_position_embeddings = identity.max_position_embeddings;
  rope.original_max_position_embeddings = identity.original_max_position_embeddings;
  return describe_rope(rope);
}

// What besides the scaling makes it another model.
std::vector<std::string> structural_differences(const RopeIdentity& stored,
                                                const RopeIdentity& now) {
  std::vector<std::string> differences;
  if (!same_number(stored.theta, now.theta)) {
    differences.push_back("rope_theta " + format_number(stored.theta) + " -> " +
                          format_number(now.theta));
  }
  if (stored.rotary_dims != now.rotary_dims) {
    differences.push_back("rotary dimensions " + std::to_string(stored.rotary_dims) + " -> " +
                          std::to_string(now.rotary_dims));
  }
  if (stored.layout != now.layout) {
    differences.push_back("layout " + std::string(rope_layout_name(stored.layout)) + " -> " +
                          std::string(rope_layout_name(now.layout)));
  }
  return differences;
}

bool may_follow(RopeKind stored, RopeKind now) {
  return stored == now || stored == RopeKind::kDefault;
}

}  // namespace

std::string hash_rope_table(const RopeParameters& rope) {
  std::string text;
  const auto add = [&](const RopeTable& table) {
    text += canonical(table.attention_factor);
    for (const double omega : table.inverse_frequencies) text += canonical(omega);
  };
  add(make_rope_table(rope));
  if (rope_depends_on_length(rope)) {
    add(make_rope_table(rope, 2 * rope.original_max_position_embeddings));
  }
  return hash_text(text);
}

RopeIdentity make_rope_identity(const RopeParameters& rope) {
  return {rope.kind,
          rope.original_max_position_embeddings,
          rope.max_position_embeddings,
          rope.factor,
          rope.theta,
          rope.rotary_dims,
          rope.layout,
          hash_rope_table(rope)};
}

Json rope_identity(const RopeParameters& rope) {
  const RopeIdentity identity = make_rope_identity(rope);
  Json json;
  json["kind"] = rope_kind_name(identity.kind);
  json["original_max_position_embeddings"] = identity.original_max_position_embeddings;
  json["max_position_embeddings"] = identity.max_position_embeddings;
  json["factor"] = identity.factor;
  json["rope_theta"] = identity.theta;
  json["rotary_dims"] = identity.rotary_dims;
  json["layout"] = rope_layout_name(identity.layout);
  json["frequency_hash"] = identity.frequency_hash;
  return json;
}

std::optional<RopeIdentity> parse_rope_identity(const Json& stored, Diagnostics& diagnostics) {
  const size_t errors_before = diagnostics.errors().size();
  const JsonValues values(stored, "ropewalk", diagnostics);
  RopeIdentity identity;
  if (!values.is_object()) return std::nullopt;
  const auto kind = values.required_text("kind");
  const auto layout = values.required_text("layout");
  const auto hash = values.required_text("frequency_hash");
  identity.original_max_position_embeddings =
      values.required_integer("original_max_position_embeddings").value_or(0);
  identity.max_position_embeddings = values.required_integer("max_position_embeddings").value_or(0);
  identity.rotary_dims = values.required_integer("rotary_dims").value_or(0);
  identity.factor = values.required_number("factor").value_or(1.0);
  identity.theta = values.required_number("rope_theta").value_or(0.0);
  if (kind) {
    if (const auto parsed = parse_rope_kind(*kind)) {
      identity.kind = *parsed;
    } else {
      values.fault("kind",
                   "found \"" + *kind + "\"; expected one of " + join(rope_kind_names(), ", "));
    }
  }
  if (layout) {
    if (*layout != "half" && *layout != "interleaved") {
      values.fault("layout", "found \"" + *layout + "\"; expected half or interleaved");
    }
    identity.layout = *layout == "interleaved" ? RopeLayout::kInterleaved : RopeLayout::kHalf;
  }
  identity.frequency_hash = hash.value_or("");
  if (diagnostics.errors().size() != errors_before) return std::nullopt;
  return identity;
}

IdentityComparison compare_identity(const RopeIdentity& stored, const RopeParameters& now) {
  const RopeIdentity current = make_rope_identity(now);
  const std::string both = describe(stored) + " => " + describe(current);
  const std::vector<std::string> differences = structural_differences(stored, current);
  if (!differences.empty()) {
    return {IdentityMatch::kDifferent,
            1.0,
            "a different model (" + join(differences, "; ") + "): " + both};
  }
  if (stored.frequency_hash == current.frequency_hash) {
    return {IdentityMatch::kSame, 1.0, "positions mean the same: " + describe(current)};
  }
  const double ratio = current.factor / stored.factor;
  if (may_follow(stored.kind, current.kind) && ratio > 1.0 && !same_number(ratio, 1.0)) {
    return {IdentityMatch::kExtension,
            ratio,
            "extension by x" + format_number(ratio) + ", in total x" +
                format_number(current.factor) + ": " + both};
  }
  if (stored.kind == current.kind && same_number(ratio, 1.0)) {
    return {IdentityMatch::kDifferent,
            1.0,
            "a different model (same kind and factor, other frequencies: " + stored.frequency_hash +
                " -> " + current.frequency_hash + "): " + both};
  }
  return {IdentityMatch::kDifferent, 1.0, "a different model (other scaling): " + both};
}

IdentityComparison compare_identity(const Json& stored, const RopeParameters& now) {
  Diagnostics diagnostics;
  const auto identity = parse_rope_identity(stored, diagnostics);
  diagnostics.throw_if_errors<CheckpointError>("rope identity");
  return compare_identity(*identity, now);
}

}  // namespace ropewalk

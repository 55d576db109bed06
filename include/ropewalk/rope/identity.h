// The identity of a model's positions: stored with every checkpoint under config.json's key
// `ropewalk` and compared on load, so that a changed meaning of positions is never silent.
#pragma once

#include <optional>
#include <string>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "ropewalk/rope/rope_parameters.h"

namespace ropewalk {

struct RopeIdentity {
  RopeKind kind = RopeKind::kDefault;
  int64_t original_max_position_embeddings = 0;
  int64_t max_position_embeddings = 0;
  double factor = 1.0;
  double theta = 10000.0;
  int64_t rotary_dims = 0;
  RopeLayout layout = RopeLayout::kHalf;
  std::string frequency_hash;  // see hash_rope_table

  bool operator==(const RopeIdentity&) const = default;
};

// Hash of the table with every number rounded to 9 significant digits: more than fp32 holds, fewer
// than differ between maths libraries. Where frequencies depend on the length, that at 2 L as well.
std::string hash_rope_table(const RopeParameters& rope);

RopeIdentity make_rope_identity(const RopeParameters& rope);
Json rope_identity(const RopeParameters& rope);
// Faults go to `diagnostics` under "ropewalk"; nullopt when there are any.
std::optional<RopeIdentity> parse_rope_identity(const Json& stored, Diagnostics& diagnostics);

enum class IdentityMatch {
  kSame,       // every position is computed as before
  kExtension,  // the same model with positions squeezed further, by `ratio`
  kDifferent,  // anything else
};

struct IdentityComparison {
  IdentityMatch match = IdentityMatch::kSame;
  double ratio = 1.0;  // kExtension: factor now / factor stored
  std::string text;    // one line for the log or the error
};

IdentityComparison compare_identity(const RopeIdentity& stored, const RopeParameters& now);
// Throws CheckpointError when `stored` is not an identity.
IdentityComparison compare_identity(const Json& stored, const RopeParameters& now);

}  // namespace ropewalk

// The fields that belong to one kind, read from and written to an object of rope parameters.
#pragma once

#include "rope/rope_place.h"
#include "ropewalk/rope/json_values.h"

namespace ropewalk {

// The kinds whose fields include original_max_position_embeddings, which defaults to the window.
bool states_original(RopeKind kind);

// Kind dynamic: the file's max_position_embeddings is L, and the longer window stands nowhere.
bool scales_beyond_window(const RopeParameters& rope);

// All but kind, theta, dims, factor and lengths, into `rope`; faults for what is missing or wrong.
void read_kind_fields(const JsonValues& fields,
                      const RopePlace& place,
                      const RopeContext& context,
                      RopeParameters& rope);

// Fields that are not understood, or belong to another kind.
void check_kind_fields(const Json& object,
                       const JsonValues& fields,
                       const RopeContext& context,
                       RopeKind kind);

// The kind's own fields, without name, theta and partial_rotary_factor.
Json write_kind_fields(const RopeParameters& rope);

}  // namespace ropewalk

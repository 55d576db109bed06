// Granite without the MLP, as in Granite MoE.
#pragma once

#include "spec/family_reader.h"

namespace ropewalk {

void read_granite(FamilyReader& in);

}  // namespace ropewalk

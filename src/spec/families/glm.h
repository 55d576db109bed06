// What GLM-4-9B and GLM-4-0414 have in common.
#pragma once

#include "spec/family_reader.h"

namespace ropewalk {

void read_glm(FamilyReader& in);

}  // namespace ropewalk

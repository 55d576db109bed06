// All but the positions of OLMo 2, as in OLMo 3.
#pragma once

#include "spec/family_reader.h"

namespace ropewalk {

void read_olmo2(FamilyReader& in);

}  // namespace ropewalk

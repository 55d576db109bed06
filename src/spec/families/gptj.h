// What GPT-J and CodeGen have in common.
#pragma once

#include "spec/family_reader.h"
#include "spec/weight_table.h"

namespace ropewalk {

void read_gptj(FamilyReader& in);
// Without attention.qkv.
WeightTable gptj_weights();

}  // namespace ropewalk

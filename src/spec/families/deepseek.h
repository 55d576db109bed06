// What DeepSeek-V2 and V3 have in common: latent attention, and experts after some dense layers.
#pragma once

#include "spec/family_reader.h"

namespace ropewalk {

// Projections, norms and positions; after sizes().
void read_latent_attention(FamilyReader& in, RopeLayout layout);
// Counts of experts, groups and dense layers; the router is the caller's.
ExpertsSpec& read_deepseek_experts(FamilyReader& in, const FamilyReader::ExpertKeys& keys);

FamilyWeights deepseek_weights(const DecoderSpec& spec);

}  // namespace ropewalk

// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1).
#pragma once

#include "model/attention.h"

namespace ropewalk {

std::unique_ptr<Attention> make_latent_attention(const DecoderSpec& spec,
                                                 int64_t layer,
                                                 const ParameterTree& tree);

}  // namespace ropewalk

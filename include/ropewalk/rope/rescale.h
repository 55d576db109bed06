// One loaded model under other factors: what `eval perplexity --factors` and `eval.factors` ask
// for.
#pragma once

#include <string>

#include "ropewalk/rope/rope_parameters.h"

namespace ropewalk {

// `own` with this kind at this TOTAL factor instead of its own scaling; factor 1 is no scaling at
// all. Extras are kept where the kind is the model's own, else they are the kind's defaults. Throws
// ConfigError for a factor below 1 or not finite, and for a kind that needs more than a factor.
RopeParameters rescale(const RopeParameters& own, RopeKind kind, double factor);

}  // namespace ropewalk

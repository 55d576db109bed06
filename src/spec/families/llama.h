#pragma once

#include "ropewalk/spec/family.h"

namespace ropewalk {

Family llama_family();

}  // namespace ropewalk

// Random weights that training from scratch starts with, and low-rank updates: A uniform between
// plus and minus 1 / sqrt(in), as PEFT has it (kaiming_uniform with a = sqrt(5)), B zero. A value
// depends on the seed, the parameter's name and its index only, so that whoever holds a part of a
// parameter makes just that.
#pragma once

#include <cstdint>
#include <span>

#include "ropewalk/spec/parameters.h"

namespace ropewalk {

struct InitialValues {
  uint64_t seed = 0;
  double deviation = 0.02;  // of matrices, which are normal(0, deviation)
};

// Elements begin, begin + 1, ... of the parameter under its full name, counted row by row.
void fill_initial(const ParameterShape& parameter,
                  const InitialValues& values,
                  int64_t begin,
                  std::span<float> out);

}  // namespace ropewalk

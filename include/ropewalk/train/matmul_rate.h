// The yardstick of model FLOP utilisation: what this machine's matrix product reaches, measured,
// instead of a data sheet's figure.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace ropewalk {

// FLOP/s of a square matrix product in `dtype` with the threads in use; takes about 0.2 s. The best
// of several runs, so that a busy neighbour does not flatter the utilisation.
double measure_matmul_rate(at::ScalarType dtype, at::Device device);

}  // namespace ropewalk

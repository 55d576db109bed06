#include "ops/cpu/dispatch.h"

#include <ATen/Version.h>

#include <string>

namespace ropewalk::ops {

const KernelTable& kernel_table() {
  static const KernelTable& table = []() -> const KernelTable& {
    const std::string capability = at::get_cpu_capability();
    if (capability == "AVX512") return kernel_table_avx512();
    if (capability == "AVX2") return kernel_table_avx2();
    return kernel_table_baseline();
  }();
  return table;
}

}  // namespace ropewalk::ops

#include "ropewalk/plan/hardware.h"

#include <algorithm>

namespace ropewalk::plan {
namespace {

constexpr double kTera = 1e12, kGiga = 1e9;
constexpr int64_t kGiB = int64_t{1} << 30;

// NVIDIA's tables give sparse rates for tensor cores and both directions of links: halved here.
std::vector<Hardware> make_table() {
  return {
      // H100 SXM5 data sheet: 1,979 TFLOPS bf16 and 989 TF32 with sparsity, 67 fp32, 3.35 TB/s,
      // NVLink 900 GB/s, PCIe Gen5 128 GB/s. DGX H100 data sheet: 400 Gb/s a GPU.
      {"h100",
       Device::kCuda,
       79 * kGiB,
       989 * kTera,
       494 * kTera,
       67 * kTera,
       3.35 * kTera,
       450 * kGiga,
       50 * kGiga,
       64 * kGiga,
       8,
       "NVIDIA H100 and DGX H100 data sheets"},
      // H200 data sheet: as H100, 141 GB at 4.8 TB/s. DGX H200 data sheet: 400 Gb/s a GPU.
      {"h200",
       Device::kCuda,
       139 * kGiB,
       989 * kTera,
       494 * kTera,
       67 * kTera,
       4.8 * kTera,
       450 * kGiga,
       50 * kGiga,
       64 * kGiga,
       8,
       "NVIDIA H200 and DGX H200 data sheets"},
      // A100 data sheet, SXM: 312 TFLOPS bf16, 156 TF32, 19.5 fp32 (dense), 2,039 GB/s, NVLink
      // 600 GB/s, PCIe Gen4 64 GB/s. DGX A100 data sheet: 200 Gb/s a GPU.
      {"a100-80",
       Device::kCuda,
       79 * kGiB,
       312 * kTera,
       156 * kTera,
       19.5 * kTera,
       2.039 * kTera,
       300 * kGiga,
       25 * kGiga,
       32 * kGiga,
       8,
       "NVIDIA A100 and DGX A100 data sheets"},
      // The same data sheet's 40 GB: 1,555 GB/s.
      {"a100-40",
       Device::kCuda,
       39 * kGiB,
       312 * kTera,
       156 * kTera,
       19.5 * kTera,
       1.555 * kTera,
       300 * kGiga,
       25 * kGiga,
       32 * kGiga,
       8,
       "NVIDIA A100 and DGX A100 data sheets"},
      // L40S data sheet: 362 TFLOPS bf16, 183 TF32, 91.6 fp32 (dense), 48 GB at 864 GB/s, PCIe Gen4
      // 64 GB/s and no NVLink; a network card of 200 Gb/s for two GPUs as in NVIDIA's OVX L40S.
      {"l40s",
       Device::kCuda,
       44 * kGiB,
       362 * kTera,
       183 * kTera,
       91.6 * kTera,
       0.864 * kTera,
       32 * kGiga,
       12.5 * kGiga,
       32 * kGiga,
       8,
       "NVIDIA L40S data sheet"},
      // One core of an AMD EPYC with AVX2: fp32 products peak at 90 GFLOP/s, measured with
      // docs/performance.md; bf16 without instructions of its own takes 12 times as long. A
      // DDR4-3200
      // channel moves 25.6 GB/s. Ranks of one machine exchange through its loopback.
      {"cpu",
       Device::kCpu,
       0,
       7.5 * kGiga,
       90 * kGiga,
       90 * kGiga,
       12.8 * kGiga,
       2 * kGiga,
       1.25 * kGiga,
       12.8 * kGiga,
       1 << 20,
       "measured with docs/performance.md; DDR4-3200"},
  };
}

}  // namespace

double Hardware::flops(Precision precision, bool tf32) const {
  if (precision == Precision::kBf16) return bf16_flops;
  return tf32 ? tf32_flops : fp32_flops;
}

const std::vector<Hardware>& hardware_table() {
  static const std::vector<Hardware> table = make_table();
  return table;
}

std::optional<Hardware> find_hardware(const std::string& name) {
  const auto& table = hardware_table();
  const auto found = std::find_if(
      table.begin(), table.end(), [&](const Hardware& row) { return row.name == name; });
  return found == table.end() ? std::nullopt : std::optional(*found);
}

Hardware with_cores(Hardware one_core, int64_t cores) {
  const auto factor = static_cast<double>(std::max<int64_t>(cores, 1));
  for (double* rate : {&one_core.bf16_flops, &one_core.tf32_flops, &one_core.fp32_flops}) {
    *rate *= factor;
  }
  return one_core;
}

}  // namespace ropewalk::plan

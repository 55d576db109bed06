// NCCL over the GPUs of a run. UNTESTED: it compiles and links against the wheels, but has not run
// on GPUs; scripts/gpu-check.sh is what tries it there.
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAFunctions.h>

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "dist/cuda_module.h"

namespace ropewalk::dist {

extern "C" __attribute__((visibility("default"))) void ropewalk_make_nccl_backend(
    const NcclRequest& request, c10::intrusive_ptr<c10d::Backend>& made) {
  // The current device decides where kernels without an explicit device run.
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(request.device_index));
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = request.timeout;
  auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(
      request.store, request.rank, request.size, options);
  backend->setBoundDeviceId(
      at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(request.device_index)));
  made = std::move(backend);
}

extern "C" __attribute__((visibility("default"))) int ropewalk_num_cuda_devices() {
  return static_cast<int>(c10::cuda::device_count());
}

}  // namespace ropewalk::dist

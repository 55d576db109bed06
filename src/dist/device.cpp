#include "ropewalk/dist/device.h"

#include <dlfcn.h>
#include <unistd.h>

#include <filesystem>

#include "dist/cuda_module.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"

namespace ropewalk::dist {
namespace {

struct CudaModule {
  MakeNcclBackend make_nccl_backend = nullptr;
  NumCudaDevices num_cuda_devices = nullptr;
  std::string fault;  // empty: loaded
};

// Beside the engine in libexec/; tests stand in a folder next to it.
std::filesystem::path module_path() {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const auto beside = folder / "libropewalk_cuda.so";
  const auto next_to = folder.parent_path() / "libexec" / "libropewalk_cuda.so";
  return !std::filesystem::exists(beside) && std::filesystem::exists(next_to) ? next_to : beside;
}

CudaModule load_cuda_module() {
  CudaModule module;
  if (!has_cuda_driver()) {
    module.fault = "this machine has no NVIDIA driver (/dev/nvidiactl is missing)";
    return module;
  }
  const std::filesystem::path path = module_path();
  // Global: torch's libraries find each other's symbols. Never closed: torch cannot be unloaded.
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (handle == nullptr) {
    module.fault = std::string("the CUDA module does not load: ") + ::dlerror() +
                   "; configure with the full LibTorch and -DROPEWALK_CUDA=ON";
    return module;
  }
  module.make_nccl_backend =
      reinterpret_cast<MakeNcclBackend>(::dlsym(handle, kMakeNcclBackendSymbol));
  module.num_cuda_devices =
      reinterpret_cast<NumCudaDevices>(::dlsym(handle, kNumCudaDevicesSymbol));
  if (module.make_nccl_backend == nullptr || module.num_cuda_devices == nullptr) {
    module.fault = path.string() + " is of another version of ropewalk; build it again";
  }
  return module;
}

const CudaModule& cuda_module() {
  static const CudaModule module = load_cuda_module();
  return module;
}

}  // namespace

bool has_cuda_driver() { return ::access("/dev/nvidiactl", F_OK) == 0; }

int num_cuda_devices() {
  if (!has_cuda_driver() || !cuda_module().fault.empty()) return 0;
  return cuda_module().num_cuda_devices();
}

at::Device choose_device(const RankEnvironment& environment, GroupBackend backend) {
  const bool required = backend == GroupBackend::kNccl;
  if (backend == GroupBackend::kGloo || (!required && !has_cuda_driver())) return at::kCPU;
  const CudaModule& module = cuda_module();
  if (!module.fault.empty()) {
    if (required) throw ConfigError("parallel.backend nccl: " + module.fault + ", or use gloo");
    log_warn("computing on the CPU although there is an NVIDIA driver: " + module.fault);
    return at::kCPU;
  }
  const int num_devices = module.num_cuda_devices();
  if (num_devices == 0 && !required) return at::kCPU;
  if (environment.local_rank >= num_devices) {
    throw ConfigError("rank " + std::to_string(environment.rank) + ": found " +
                      std::to_string(num_devices) +
                      " GPUs on this machine, expected one for each of " +
                      std::to_string(environment.local_world_size) +
                      " ranks; start fewer ranks, or set parallel.backend to gloo for the CPU");
  }
  return {at::kCUDA, static_cast<at::DeviceIndex>(environment.local_rank)};
}

c10::intrusive_ptr<c10d::Backend> make_nccl_backend(const NcclRequest& request) {
  const CudaModule& module = cuda_module();
  if (!module.fault.empty()) throw ConfigError("parallel.backend nccl: " + module.fault);
  c10::intrusive_ptr<c10d::Backend> made;
  module.make_nccl_backend(request, made);
  return made;
}

}  // namespace ropewalk::dist

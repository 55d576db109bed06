// The contract between the engine and libropewalk_cuda.so, which the engine loads at run time and
// only where a GPU is: linking libtorch_cuda costs two seconds of start-up and needs a driver.
#pragma once

#include <chrono>
#include <string>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace ropewalk::dist {

struct NcclRequest {
  c10::intrusive_ptr<c10d::Store> store;
  int rank = 0;
  int size = 1;
  int device_index = 0;
  std::chrono::milliseconds timeout{0};
};

// extern "C" symbols of the module.
using MakeNcclBackend = void (*)(const NcclRequest& request,
                                 c10::intrusive_ptr<c10d::Backend>& made);
using NumCudaDevices = int (*)();
inline constexpr const char* kMakeNcclBackendSymbol = "ropewalk_make_nccl_backend";
inline constexpr const char* kNumCudaDevicesSymbol = "ropewalk_num_cuda_devices";

// Loads the module once. Throws ConfigError saying why it is not there and what to do.
c10::intrusive_ptr<c10d::Backend> make_nccl_backend(const NcclRequest& request);

}  // namespace ropewalk::dist

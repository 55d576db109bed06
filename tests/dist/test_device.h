// Tests on a GPU: a fixture that is instantiated a second time under the name OnGpu. These
// instances are skipped, visibly, where no GPU can be used; tests/allowed_skips.txt names them.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string_view>

#include "ropewalk/dist/device.h"

namespace ropewalk::testing {

// Where the running test computes: the first GPU in instances named OnGpu, else the CPU.
inline at::Device test_device() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const bool on_gpu =
      test != nullptr && std::string_view(test->test_suite_name()).starts_with("OnGpu/");
  return on_gpu ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
}

// Skips the running test where fewer GPUs than these can be used.
#define ROPEWALK_SKIP_WITHOUT_GPUS(count)             \
  if (::ropewalk::dist::num_cuda_devices() < (count)) \
  GTEST_SKIP() << "needs " << (count) << " GPUs and a build with ROPEWALK_CUDA"

template <typename Parameter>
class DeviceTest : public ::testing::TestWithParam<Parameter> {
 protected:
  void SetUp() override {
    if (test_device().is_cuda()) ROPEWALK_SKIP_WITHOUT_GPUS(1);
    prepare();
  }
  // Inputs on test_device().
  virtual void prepare() {}
};

}  // namespace ropewalk::testing

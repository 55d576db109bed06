#include "ropewalk/dist/device.h"

#include <gmock/gmock.h>

#include "ropewalk/base/errors.h"

namespace ropewalk::dist {
namespace {

TEST(Device, GlooComputesOnTheCpu) {
  EXPECT_TRUE(choose_device(RankEnvironment{}, GroupBackend::kGloo).is_cpu());
}

TEST(Device, WithoutADriverNcclIsRefusedAndAutoTakesTheCpu) {
  if (has_cuda_driver()) return;  // the case does not exist on this machine
  EXPECT_EQ(num_cuda_devices(), 0);
  EXPECT_TRUE(choose_device(RankEnvironment{}, GroupBackend::kAuto).is_cpu());
  try {
    choose_device(RankEnvironment{}, GroupBackend::kNccl);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("no NVIDIA driver"));
  }
}

}  // namespace
}  // namespace ropewalk::dist

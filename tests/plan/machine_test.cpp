#include "ropewalk/plan/machine.h"

#include <gmock/gmock.h>

#include <fstream>

#include "plan/plan_test_tools.h"
#include "ropewalk/base/files.h"

namespace ropewalk::plan {
namespace {

class Machine : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = temporary_sibling(std::filesystem::temp_directory_path() / "ropewalk-machine-test");
    std::filesystem::create_directories(folder_);
    files_ = {folder_ / "meminfo", folder_};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const char* name, const char* text) const { std::ofstream(folder_ / name) << text; }

  std::filesystem::path folder_;
  MachineFiles files_;
};

TEST_F(Machine, AvailableMemoryIsTheKernelsUnlessAGroupHasLess) {
  EXPECT_EQ(available_memory_bytes(files_), std::nullopt);
  write("meminfo", "MemTotal:  2000 kB\nMemAvailable:    1000 kB\n");
  EXPECT_EQ(available_memory_bytes(files_), 1000 * 1024);
  write("memory.max", "max\n");
  write("memory.current", "500000\n");
  EXPECT_EQ(available_memory_bytes(files_), 1000 * 1024);
  write("memory.max", "800000\n");
  EXPECT_EQ(available_memory_bytes(files_), 300000);
  write("memory.stat", "anon 1\ninactive_file 100000\nactive_file 7\n");
  EXPECT_EQ(available_memory_bytes(files_), 400000);
}

TEST_F(Machine, ThisMachineHasMemory) { EXPECT_GT(available_memory_bytes().value_or(0), 0); }

TEST(Bytes, AreReadWithTheirUnits) {
  EXPECT_EQ(parse_bytes("80GiB"), int64_t{80} << 30);
  EXPECT_EQ(parse_bytes("80 GB"), 80'000'000'000);
  EXPECT_EQ(parse_bytes("0.5TiB"), int64_t{1} << 39);
  EXPECT_EQ(parse_bytes("1024"), 1024);
  for (const char* wrong :
       {"", "GiB", "-1GiB", "0", "80 gib", "80GiBs", "1e300", "nan", "80  GB"}) {
    EXPECT_EQ(parse_bytes(wrong), std::nullopt) << wrong;
  }
}

TEST(MemoryWarning, IsGivenWhenAPeakIsBeyondTheRanksMemory) {
  RunShape shape;
  shape.sequence_length = 1024;
  const MemoryPlan plan = MemoryModel(spec_from(small_llama())).plan(shape);
  EXPECT_EQ(memory_warning(plan, {plan.peak_bytes(), ""}, "run.json"), std::nullopt);
  const auto warning =
      memory_warning(plan, {plan.peak_bytes() - 1, "of this machine's memory"}, "run.json");
  ASSERT_TRUE(warning);
  EXPECT_THAT(*warning, ::testing::HasSubstr("ropewalk plan run.json"));
  EXPECT_THAT(*warning, ::testing::HasSubstr("of this machine's memory"));
}

}  // namespace
}  // namespace ropewalk::plan

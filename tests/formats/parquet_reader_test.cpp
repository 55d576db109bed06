#include "ropewalk/formats/parquet_reader.h"

#include <gmock/gmock.h>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Files that are read: tests/python/parquet.
TEST(ParquetReader, AFileThatIsNoneIsRefusedAndABuildWithoutItSaysHowToGetOne) {
  const TemporaryFolder folder;
  const auto path = folder.put("a.parquet", "text");
  EXPECT_TRUE(is_parquet_input(path));
  const std::string fault = error_of<DataError>([&] { ParquetReader reader(path); });
  EXPECT_THAT(fault, HasSubstr("a.parquet: "));
  if (parquet_is_built()) {
    EXPECT_THAT(fault, HasSubstr("cannot be read as Parquet"));
  } else {
    EXPECT_THAT(fault,
                AllOf(HasSubstr("scripts/setup.sh --parquet"), HasSubstr("-DROPEWALK_PARQUET=ON")));
  }
}

}  // namespace
}  // namespace ropewalk

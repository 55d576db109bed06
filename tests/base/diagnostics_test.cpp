#include "ropewalk/base/diagnostics.h"

#include <gtest/gtest.h>

#include "ropewalk/base/collect_faults.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

TEST(Diagnostics, ReportsAllFaultsAtOnceWithPrefixedPlaces) {
  Diagnostics inner;
  inner.error("factor", "found 0.5; expected 1 or more");
  inner.error("[2]", "found null");
  inner.error("", "neither pretrained nor model_type");
  inner.warning("theta", "changed");
  Diagnostics all;
  all.merge(inner, "model");
  EXPECT_FALSE(all.ok());
  EXPECT_EQ(all.report("run.json"),
            "run.json: 3 faults\n"
            "  model.factor: found 0.5; expected 1 or more\n"
            "  model[2]: found null\n"
            "  model: neither pretrained nor model_type");
  ASSERT_EQ(all.warnings().size(), 1u);
  EXPECT_EQ(all.warnings()[0].where, "model.theta");
}

TEST(Diagnostics, WarningsAloneDoNotFail) {
  Diagnostics all;
  all.warning("x", "y");
  EXPECT_TRUE(all.ok());
  EXPECT_EQ(all.report("run.json"), "");
  EXPECT_NO_THROW(all.throw_if_errors<ConfigError>("run.json"));
  all.error("x", "z");
  EXPECT_THROW(all.throw_if_errors<ConfigError>("run.json"), ConfigError);
}

TEST(Check, BrokenInvariantNamesConditionAndPlace) {
  try {
    ROPEWALK_CHECK(1 > 2, "order of numbers");
    FAIL();
  } catch (const std::logic_error& error) {
    EXPECT_NE(std::string(error.what()).find("order of numbers (1 > 2"), std::string::npos);
  }
}

TEST(Diagnostics, ReportWithinAReportIsIndented) {
  Diagnostics inner;
  inner.error("tensor", "is missing");
  Diagnostics outer;
  outer.error("model.pretrained", inner.report("folder"));
  EXPECT_EQ(outer.report("run.json"),
            "run.json: 1 fault\n  model.pretrained: folder: 1 fault\n    tensor: is missing");
}

TEST(CollectFaults, BadInputIsCollectedAndAnythingElseGoesOn) {
  Diagnostics faults;
  EXPECT_TRUE(collect_faults(faults, "a", [] {}));
  EXPECT_FALSE(collect_faults(faults, "b", [] { throw DataError("bad"); }));
  EXPECT_EQ(faults.report("x"), "x: 1 fault\n  b: bad");
  EXPECT_THROW(collect_faults(faults, "c", [] { throw IoError("disk"); }), IoError);
}

}  // namespace
}  // namespace ropewalk

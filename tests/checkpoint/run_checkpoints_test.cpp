#include "checkpoint/run_checkpoints.h"

#include <gmock/gmock.h>

#include "checkpoint/support.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/formats/manifest.h"

namespace ropewalk {
namespace {

using testing::ElementsAre;

void make_checkpoint(const std::filesystem::path& folder, int64_t step) {
  make_directories(folder);
  write_manifest(folder, {{"step", step}}, {});
}

TEST(RunCheckpoints, WhatWasSetAsideComesBackWhenItsSuccessorCannotBePublished) {
  const TemporaryFolder folder;
  RunCheckpoints run(folder.path(), 2);
  for (const int64_t step : {3, 6}) make_checkpoint(run.target(step), step);
  run.replace_after(-1);
  EXPECT_THROW(run.publish(folder / "never-written", run.target(1)), IoError);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-00000003", "step-00000006"));

  make_checkpoint(folder / "written", 1);
  run.publish(folder / "written", run.target(1));
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-00000001"));
}

TEST(RunCheckpoints, WhatCouldNotBeDeletedGoesWithTheNextSave) {
  const TemporaryFolder folder;
  RunCheckpoints run(folder.path(), 2);
  make_directories(folder / "step-00000003.tmp-0123456789abcdef" / "trainer");
  make_checkpoint(folder / "written", 6);
  run.publish(folder / "written", run.target(6));
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-00000006"));
}

}  // namespace
}  // namespace ropewalk

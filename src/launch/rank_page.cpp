#include "launch/rank_page.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ropewalk/base/errors.h"

namespace ropewalk {

RankPage::RankPage() : memory_(::memfd_create("ropewalk-rank", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
  void* mapped = MAP_FAILED;
  // Sealed: what a rank makes smaller could no longer be read here.
  if (memory_ && ::ftruncate(memory_.get(), sizeof(ProgressPage)) == 0 &&
      ::fcntl(memory_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0) {
    mapped =
        ::mmap(nullptr, sizeof(ProgressPage), PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
  }
  if (mapped == MAP_FAILED) {
    throw IoError(std::string("starting local ranks: memory for their progress: ") +
                  std::strerror(errno));
  }
  page_ = static_cast<ProgressPage*>(mapped);
}

RankPage::~RankPage() { ::munmap(page_, sizeof(ProgressPage)); }

RankState RankPage::read() const {
  RankState state;
  state.beats = page_->beats;
  state.changes = page_->changes;
  state.step = page_->step;
  state.saved_step = page_->saved_step;
  state.waits = page_->num_waits > 0;
  state.phase = page_->phase;
  state.begun = state.beats > 0;
  return state;
}

}  // namespace ropewalk

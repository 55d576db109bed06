#include "launch/rank_page.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

constexpr size_t kFewestSteps = 3;

double median_step_s(const ProgressPage& page) {
  const auto count = std::min<size_t>(page.num_step_lengths, kKeptStepLengths);
  if (count < kFewestSteps) return 0;
  std::vector<int64_t> lengths_ns(page.step_lengths_ns.begin(),
                                  page.step_lengths_ns.begin() + static_cast<ptrdiff_t>(count));
  const auto middle = lengths_ns.begin() + static_cast<ptrdiff_t>(count / 2);
  std::nth_element(lengths_ns.begin(), middle, lengths_ns.end());
  return 1e-9 * static_cast<double>(*middle);
}

}  // namespace

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
  state.step_s = median_step_s(*page_);
  state.saved_step = page_->saved_step;
  state.waits = page_->num_waits > 0;
  state.phase = page_->phase;
  state.begun = state.beats > 0;
  return state;
}

}  // namespace ropewalk

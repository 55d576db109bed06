// Random lives of a run's checkpoint folder, under the file shim: retention_tool FOLDER SEED
// NUMBER.
//
// A life begins with the newest checkpoint, with an older one or by starting over, saves a few
// times and may be killed at any file operation of a save, or find one that fails and go on.
// "Killed" is a disk that takes nothing any more: what is on it then is what a killed process
// leaves. Prints what is wrong, and how much was tried.
#include <dlfcn.h>

#include <cstdio>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "checkpoint/retention.h"
#include "checkpoint/run_checkpoints.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/log.h"
#include "ropewalk/checkpoint/discovery.h"
#include "ropewalk/formats/manifest.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxOperations = 40;  // of a save of this tool, with all that it replaces and deletes

struct Shim {
  void (*act)(const char* what) = nullptr;  // counts anew
  uint64_t (*count)() = nullptr;

  static Shim find() {
    Shim shim;
    shim.act = reinterpret_cast<decltype(shim.act)>(::dlsym(RTLD_DEFAULT, "file_shim_act"));
    shim.count = reinterpret_cast<decltype(shim.count)>(::dlsym(RTLD_DEFAULT, "file_shim_count"));
    if (shim.act == nullptr || shim.count == nullptr) {
      std::fprintf(stderr, "retention_tool: run it with LD_PRELOAD=libropewalk_file_shim.so\n");
      std::exit(2);
    }
    return shim;
  }
};

struct Totals {
  int64_t saves = 0, kills = 0, failures = 0, faults = 0;
};

enum class Trouble { kNone, kKill, kFailure };

class Folder {
 public:
  Folder(fs::path path, uint64_t seed, const Shim& shim, Totals& totals)
      : path_(std::move(path)), seed_(seed), dice_(seed), shim_(shim), totals_(totals) {
    const int64_t keeps[] = {std::numeric_limits<int64_t>::max(), 2, 3};
    keep_ = keeps[roll(3)];
  }

  void live() {
    fs::remove_all(path_);
    fs::create_directories(path_);
    const int num_lives = 1 + roll(6);
    for (int i = 0; i < num_lives; ++i) live_once();
    fs::remove_all(path_);
  }

 private:
  // 0 to n - 1.
  int roll(int n) { return static_cast<int>(dice_() % static_cast<uint64_t>(n)); }

  void begin_life() {
    run_.emplace(path_, keep_);
    remove_leftovers(path_);
    loaded_.reset();
    num_saved_ = 0;
    step_ = 0;
    starts_over_ = false;
    const auto found = find_newest_checkpoint(path_);
    if (!found) return;
    starts_over_ = roll(5) == 0;
    if (starts_over_) {
      run_->replace_after(-1);
      replaced_after_ = -1;
      return;
    }
    const auto there = list_checkpoints(path_);
    loaded_ = roll(3) == 0 ? there[static_cast<size_t>(roll(static_cast<int>(there.size())))].step
                           : found->step;
    step_ = replaced_after_ = *loaded_;
    run_->replace_after(step_);
    run_->set_newest(run_->target(step_));
  }

  void live_once() {
    begin_life();
    const int num_saves = roll(5);
    for (int i = 0; i < num_saves; ++i) {
      step_ += 1 + roll(3);
      const Trouble troubles[] = {
          Trouble::kNone, Trouble::kNone, Trouble::kKill, Trouble::kFailure};
      if (save(troubles[roll(4)]) == Trouble::kKill) return;
    }
  }

  // Gives what befell it.
  Trouble save(Trouble wanted) {
    ++totals_.saves;
    const std::set<int64_t> before = published();
    const int number = 1 + roll(kMaxOperations);
    if (wanted == Trouble::kKill) shim_.act(("full " + std::to_string(number) + " 5").c_str());
    if (wanted == Trouble::kFailure) shim_.act(("fail " + std::to_string(number) + " 28").c_str());
    bool is_saved = false;
    try {
      write_and_publish();
      is_saved = true;
    } catch (const NotDurableError&) {
      is_saved = true;
    } catch (const IoError&) {
    } catch (const fs::filesystem_error&) {
    }
    const bool struck = wanted != Trouble::kNone && shim_.count() >= static_cast<uint64_t>(number);
    shim_.act("none");
    if (is_saved) {
      ++num_saved_;
      had_one_ = true;
      may_be_aside_ = false;
    }
    // Those that --overwrite replaces go by another name while the process is in between.
    if (struck && wanted == Trouble::kKill && starts_over_ && num_saved_ == 0) may_be_aside_ = true;
    if (struck) ++(wanted == Trouble::kKill ? totals_.kills : totals_.failures);
    check_always();
    if (is_saved && !struck) check_saved(before);
    if (is_saved) replaced_after_ = std::numeric_limits<int64_t>::max();
    return struck ? wanted : Trouble::kNone;
  }

  void write_and_publish() {
    const fs::path target = run_->target(step_);
    const fs::path temporary = temporary_sibling(target);
    try {
      make_directories(temporary);
      FileWriter file(temporary / "data");
      file.write(std::to_string(step_));
      file.close();
      write_manifest(temporary, {{"step", step_}}, {});
      run_->publish(temporary, target);
      run_->set_newest(target);
    } catch (...) {
      std::error_code ignored;
      fs::remove_all(temporary, ignored);
      throw;
    }
  }

  std::set<int64_t> published() const {
    std::set<int64_t> steps;
    for (const CheckpointFolder& folder : list_checkpoints(path_)) steps.insert(folder.step);
    return steps;
  }

  int num_whole_set_aside() const {
    int number = 0;
    for (const auto& entry : fs::directory_iterator(path_)) {
      const bool is_aside = entry.path().string().find(".set-aside-") != std::string::npos;
      if (is_aside && verify_manifest(entry.path()).ok()) ++number;
    }
    return number;
  }

  void check_always() {
    const std::set<int64_t> there = published();
    for (const int64_t step : there) {
      const fs::path folder = path_ / checkpoint_name(step);
      if (!verify_manifest(folder).ok() || read_file(folder / "data") != std::to_string(step)) {
        fault(folder.string() + " is not whole");
      }
    }
    if (had_one_ && there.empty() && !(may_be_aside_ && num_whole_set_aside() > 0)) {
      fault("no checkpoint is left");
    }
    if (loaded_ && num_saved_ < keep_ && !there.contains(*loaded_)) {
      fault("the one that was loaded, step " + std::to_string(*loaded_) + ", is gone");
    }
  }

  void check_saved(const std::set<int64_t>& before) {
    std::set<int64_t> expected = {step_};
    for (const int64_t step : before) {
      if (step <= replaced_after_) expected.insert(step);
    }
    while (static_cast<int64_t>(expected.size()) > keep_) expected.erase(expected.begin());
    if (published() != expected) fault("not those that are to be kept");
    const auto entries = std::distance(fs::directory_iterator(path_), fs::directory_iterator());
    if (entries != static_cast<int64_t>(expected.size())) fault("something else was left");
  }

  void fault(const std::string& text) {
    ++totals_.faults;
    std::string there;
    for (const auto& entry : fs::directory_iterator(path_)) {
      there += " " + entry.path().filename().string();
    }
    std::printf("seed %llu, save of step %lld: %s; there is:%s\n",
                static_cast<unsigned long long>(seed_),
                static_cast<long long>(step_),
                text.c_str(),
                there.c_str());
  }

  fs::path path_;
  uint64_t seed_;
  std::mt19937_64 dice_;
  const Shim& shim_;
  Totals& totals_;
  int64_t keep_ = 2;
  bool had_one_ = false;
  bool may_be_aside_ = false;  // until a save after a start over

  // Of one life.
  std::optional<RunCheckpoints> run_;
  std::optional<int64_t> loaded_;
  bool starts_over_ = false;
  int64_t num_saved_ = 0;
  int64_t step_ = 0;
  int64_t replaced_after_ = std::numeric_limits<int64_t>::max();
};

}  // namespace
}  // namespace ropewalk

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: retention_tool FOLDER SEED NUMBER\n");
    return 2;
  }
  ropewalk::configure_logging(ropewalk::LogLevel::kError, 0, 1);
  const ropewalk::Shim shim = ropewalk::Shim::find();
  ropewalk::Totals totals;
  const uint64_t seed = std::stoull(argv[2]);
  const uint64_t number = std::stoull(argv[3]);
  for (uint64_t i = 0; i < number; ++i) {
    ropewalk::Folder(std::filesystem::path(argv[1]) / "run", seed + i, shim, totals).live();
  }
  std::printf("%lld saves, %lld kills, %lld failures\n",
              static_cast<long long>(totals.saves),
              static_cast<long long>(totals.kills),
              static_cast<long long>(totals.failures));
  return totals.faults > 0 ? 1 : 0;
}

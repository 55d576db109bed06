#include "shim/ledger.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace file_shim {
namespace {

enum class Deed { kNone, kDie, kFail, kFull, kShort };

struct Plan {
  const char* folder = nullptr;
  size_t folder_size = 0;
  bool no_sync = false;
  Deed deed = Deed::kNone;
  uint64_t number = 0;
  int error = 0;
  int state = -1;
  int journal = -1;
  int data = -1;
  uint64_t own_count = 0;
  uint64_t* count = &own_count;
  bool cut_done = false;
};

Plan plan;
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "file shim: %s: %s\n", what, std::strerror(errno));
  ::_exit(99);
}

int open_plainly(const char* path, int flags) {
  const auto opened = ::syscall(SYS_openat, AT_FDCWD, path, flags | O_CREAT | O_CLOEXEC, 0666);
  if (opened < 0) give_up(path);
  return static_cast<int>(opened);
}

void read_deed(const char* text) {
  char word[8] = "";
  unsigned long long number = 0;
  int error = 0;
  const int found = std::sscanf(text, "%7s %llu %d", word, &number, &error);
  const struct {
    const char* name;
    Deed deed;
    int num_words;
  } deeds[] = {{"none", Deed::kNone, 1},
               {"die", Deed::kDie, 2},
               {"short", Deed::kShort, 2},
               {"fail", Deed::kFail, 3},
               {"full", Deed::kFull, 3}};
  for (const auto& [name, deed, num_words] : deeds) {
    if (std::strcmp(word, name) != 0 || found != num_words) continue;
    plan.deed = deed;
    plan.number = number;
    plan.error = error;
    plan.cut_done = false;
    return;
  }
  errno = EINVAL;
  give_up(text);
}

void share_count(const char* path) {
  plan.state = open_plainly(path, O_RDWR);
  if (::syscall(SYS_ftruncate, plan.state, sizeof(uint64_t)) != 0) give_up(path);
  void* mapped =
      ::mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, plan.state, 0);
  if (mapped == MAP_FAILED) give_up(path);
  plan.count = static_cast<uint64_t*>(mapped);
}

[[gnu::constructor]] void read_environment() {
  plan.folder = std::getenv("FILE_SHIM_FOLDER");
  if (plan.folder == nullptr) return;
  plan.folder_size = std::strlen(plan.folder);
  plan.no_sync = std::getenv("FILE_SHIM_NO_SYNC") != nullptr;
  if (const char* deed = std::getenv("FILE_SHIM_DO")) read_deed(deed);
  if (const char* path = std::getenv("FILE_SHIM_STATE")) share_count(path);
  if (const char* path = std::getenv("FILE_SHIM_JOURNAL")) {
    plan.journal = open_plainly(path, O_WRONLY | O_APPEND);
    char name[4096];
    std::snprintf(name, sizeof(name), "%s.data", path);
    plan.data = open_plainly(name, O_WRONLY | O_APPEND);
  }
}

// Freed by the kernel when a process dies, and not shared with a forked child.
void lock_processes(short type) {
  if (plan.state < 0) return;
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  while (::fcntl(plan.state, F_SETLKW, &range) != 0) {
    if (errno != EINTR) give_up("lock");
  }
}

void lock() {
  ::pthread_mutex_lock(&mutex);
  lock_processes(F_WRLCK);
}

void unlock() {
  lock_processes(F_UNLCK);
  ::pthread_mutex_unlock(&mutex);
}

bool is_inside(const char* path) {
  return plan.folder != nullptr && std::strncmp(path, plan.folder, plan.folder_size) == 0 &&
         (path[plan.folder_size] == '/' || path[plan.folder_size] == '\0');
}

// A disk that is full still lets names be removed, and what was written be synced.
bool can_fail(unsigned does) {
  switch (plan.error) {
    case ENOSPC:
    case EDQUOT:
      return (does & kTakesRoom) != 0 || (plan.deed == Deed::kFail && (does & kReachesDisk) != 0);
    case EROFS:
    case EACCES:
      return (does & kChangesNames) != 0;
    case EINTR:
      return (does & kCanBeInterrupted) != 0;
    default:
      return true;
  }
}

void append(int descriptor, const void* data, size_t size) {
  const char* rest = static_cast<const char*>(data);
  while (size > 0) {
    const auto written = ::syscall(SYS_write, descriptor, rest, size);
    if (written <= 0) give_up("journal");
    rest += written;
    size -= static_cast<size_t>(written);
  }
}

void append_line(uint64_t number, const Operation& operation, const Turn::Result& result) {
  struct stat status {};
  if (::fstat(plan.data, &status) != 0) give_up("journal");
  char line[9000];
  const int size = std::snprintf(line,
                                 sizeof(line),
                                 "%llu\t%s\t%llu\t%s\t%s\t%lld\t%zu\t%lld\n",
                                 static_cast<unsigned long long>(number),
                                 operation.name,
                                 static_cast<unsigned long long>(result.inode),
                                 operation.path,
                                 operation.target,
                                 static_cast<long long>(result.offset),
                                 result.size,
                                 static_cast<long long>(status.st_size));
  append(plan.data, result.data, result.size);
  append(plan.journal, line, static_cast<size_t>(size));
}

}  // namespace

Turn::Turn(const Operation& operation) : operation_(operation) {
  if (!is_inside(operation.path) && !is_inside(operation.target)) return;
  lock();
  number_ = ++*plan.count;
  decide();
}

Turn::~Turn() {
  if (is_counted()) unlock();
}

void Turn::decide() {
  const bool is_its_turn = number_ == plan.number;
  if (plan.deed == Deed::kDie && is_its_turn) ::_exit(137);
  if (plan.deed == Deed::kShort && is_its_turn) is_cut_short_ = true;
  const bool strikes = (plan.deed == Deed::kFail && is_its_turn) ||
                       (plan.deed == Deed::kFull && plan.number > 0 && number_ >= plan.number);
  if (!strikes || !can_fail(operation_.does)) return;
  // The first write that finds the disk full still finds some room.
  if (plan.deed == Deed::kFull && !plan.cut_done && std::strcmp(operation_.name, "write") == 0 &&
      (plan.error == ENOSPC || plan.error == EDQUOT)) {
    plan.cut_done = is_cut_short_ = true;
    return;
  }
  failure_ = plan.error;
}

void Turn::write_down(const Result& result) const {
  if (is_counted() && has_journal()) append_line(number_, operation_, result);
}

bool syncs_are_skipped() { return plan.no_sync; }
bool has_journal() { return plan.journal >= 0; }

void write_down_text(const void* data, size_t size) {
  lock();
  Turn::Result result;
  result.data = data;
  result.size = size;
  append_line(*plan.count, {.name = "say", .does = 0, .path = ""}, result);
  unlock();
}

}  // namespace file_shim

extern "C" void file_shim_act(const char* what) {
  file_shim::read_deed(what);
  *file_shim::plan.count = 0;
}

extern "C" uint64_t file_shim_count() { return *file_shim::plan.count; }

// LD_PRELOAD library: takes the place of the C library's functions that change files. Everything
// ends in a system call of its own, so that no other library is asked. What stdio opens is not
// seen: fopen calls nothing that can be replaced.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "shim/ledger.h"

namespace file_shim {
namespace {

constexpr size_t kPathBytes = 2 * PATH_MAX;

// Where a descriptor, or a path relative to one, leads to.
struct Path {
  explicit Path(int descriptor) { set_folder(descriptor); }
  Path(int folder, const char* path) {
    size_t used = 0;
    if (path[0] != '/') {
      used = set_folder(folder);
      if (used > 0) text[used++] = '/';
    }
    std::snprintf(text + used, kPathBytes - used, "%s", path);
  }
  size_t set_folder(int descriptor) {
    char link[40] = "/proc/self/cwd";
    if (descriptor != AT_FDCWD) {
      std::snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
    }
    const int error = errno;
    const auto size = ::syscall(SYS_readlinkat, AT_FDCWD, link, text, PATH_MAX);
    errno = error;
    text[size > 0 ? size : 0] = '\0';
    return size > 0 ? static_cast<size_t>(size) : 0;
  }

  char text[kPathBytes];
};

uint64_t inode_of(int folder, const char* path, int flags) {
  struct stat status {};
  const int error = errno;
  const int result = ::fstatat(folder, path, &status, flags);
  errno = error;
  return result == 0 ? status.st_ino : 0;
}

uint64_t inode_of(int descriptor) { return inode_of(descriptor, "", AT_EMPTY_PATH); }

int fail(int error) {
  errno = error;
  return -1;
}

bool can_write(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

int open_at(int folder, const char* path, int flags, mode_t mode) {
  const auto really = [&] {
    return static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
  };
  if (!can_write(flags) && (flags & O_CREAT) == 0) return really();
  const Path whole(folder, path);
  const bool is_new = (flags & O_CREAT) != 0 && inode_of(folder, path, 0) == 0;
  const char* const name = is_new ? "create" : (flags & O_TRUNC) != 0 ? "empty" : "open";
  Turn turn({.name = name,
             .does = kChangesNames | kCanBeInterrupted | (is_new ? kTakesRoom : 0u),
             .path = whole.text});
  if (turn.failure() != 0) return fail(turn.failure());
  const int opened = really();
  if (opened >= 0 && turn.is_counted()) turn.write_down({.inode = inode_of(opened)});
  return opened;
}

// `really(size)` writes that many bytes from the front.
template <typename Really>
ssize_t write_data(int descriptor, const void* data, size_t size, int64_t offset, Really really) {
  const Path path(descriptor);
  Turn turn({.name = "write", .does = kTakesRoom | kCanBeInterrupted, .path = path.text});
  if (!turn.is_counted()) return really(size);
  if (turn.failure() != 0) return fail(turn.failure());
  if (offset < 0) {
    struct stat status {};
    const bool appends = (::fcntl(descriptor, F_GETFL) & O_APPEND) != 0;
    offset = appends && ::fstat(descriptor, &status) == 0 ? status.st_size
                                                          : ::lseek(descriptor, 0, SEEK_CUR);
  }
  const ssize_t written = really(turn.is_cut_short() && size > 1 ? size / 2 : size);
  if (written > 0) {
    turn.write_down({.inode = inode_of(descriptor),
                     .offset = offset,
                     .data = data,
                     .size = static_cast<size_t>(written)});
  }
  return written;
}

int truncate_to(int descriptor, off_t size) {
  const auto really = [&] { return static_cast<int>(::syscall(SYS_ftruncate, descriptor, size)); };
  const Path path(descriptor);
  Turn turn({.name = "truncate", .does = 0u, .path = path.text});
  if (turn.failure() != 0) return fail(turn.failure());
  const int result = really();
  if (result == 0) turn.write_down({.inode = inode_of(descriptor), .offset = size});
  return result;
}

int sync_file(int descriptor, long call) {
  const Path path(descriptor);
  Turn turn({.name = "sync", .does = kReachesDisk | kCanBeInterrupted, .path = path.text});
  if (turn.failure() != 0) return fail(turn.failure());
  const int result =
      turn.is_counted() && syncs_are_skipped() ? 0 : static_cast<int>(::syscall(call, descriptor));
  if (result == 0) turn.write_down({.inode = inode_of(descriptor)});
  return result;
}

int close_file(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || !can_write(flags)) return static_cast<int>(::syscall(SYS_close, descriptor));
  const Path path(descriptor);
  Turn turn({.name = "close", .does = kReachesDisk | kCanBeInterrupted, .path = path.text});
  // It is closed even where the last writes are said to have failed.
  const int result = static_cast<int>(::syscall(SYS_close, descriptor));
  return turn.failure() != 0 ? fail(turn.failure()) : result;
}

struct Place {
  int folder;
  const char* path;
};

int rename_at(Place from, Place to, unsigned flags) {
  const Path source(from.folder, from.path);
  const Path target(to.folder, to.path);
  Turn turn({.name = (flags & RENAME_EXCHANGE) != 0 ? "exchange" : "rename",
             .does = kChangesNames,
             .path = source.text,
             .target = target.text});
  if (turn.failure() != 0) return fail(turn.failure());
  const int result =
      static_cast<int>(::syscall(SYS_renameat2, from.folder, from.path, to.folder, to.path, flags));
  if (result == 0) turn.write_down({});
  return result;
}

int unlink_at(Place place, int flags) {
  const Path path(place.folder, place.path);
  Turn turn({.name = (flags & AT_REMOVEDIR) != 0 ? "rmdir" : "unlink",
             .does = kChangesNames,
             .path = path.text});
  if (turn.failure() != 0) return fail(turn.failure());
  const int result = static_cast<int>(::syscall(SYS_unlinkat, place.folder, place.path, flags));
  if (result == 0) turn.write_down({});
  return result;
}

int mkdir_at(Place place, mode_t mode) {
  const Path path(place.folder, place.path);
  const bool is_new = inode_of(place.folder, place.path, AT_SYMLINK_NOFOLLOW) == 0;
  Turn turn(
      {.name = "mkdir", .does = kChangesNames | (is_new ? kTakesRoom : 0u), .path = path.text});
  if (turn.failure() != 0) return fail(turn.failure());
  const int result = static_cast<int>(::syscall(SYS_mkdirat, place.folder, place.path, mode));
  if (result == 0) turn.write_down({.inode = inode_of(place.folder, place.path, 0)});
  return result;
}

int link_at(Place from, Place to, int flags) {
  const Path source(from.folder, from.path);
  const Path target(to.folder, to.path);
  Turn turn({.name = "link",
             .does = kTakesRoom | kChangesNames,
             .path = source.text,
             .target = target.text});
  if (turn.failure() != 0) return fail(turn.failure());
  const int result =
      static_cast<int>(::syscall(SYS_linkat, from.folder, from.path, to.folder, to.path, flags));
  if (result == 0) turn.write_down({});
  return result;
}

int symlink_at(const char* content, Place place) {
  const Path path(place.folder, place.path);
  Turn turn(
      {.name = "symlink", .does = kTakesRoom | kChangesNames, .path = path.text, .target = ""});
  if (turn.failure() != 0) return fail(turn.failure());
  const int result = static_cast<int>(::syscall(SYS_symlinkat, content, place.folder, place.path));
  if (result == 0) turn.write_down({.data = content, .size = std::strlen(content)});
  return result;
}

}  // namespace
}  // namespace file_shim

#define FILE_SHIM_MODE(flags, last)             \
  mode_t mode = 0;                              \
  if (((flags) & (O_CREAT | O_TMPFILE)) != 0) { \
    va_list list;                               \
    va_start(list, last);                       \
    mode = va_arg(list, mode_t);                \
    va_end(list);                               \
  }

extern "C" {

int open(const char* path, int flags, ...) {
  FILE_SHIM_MODE(flags, flags)
  return file_shim::open_at(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  FILE_SHIM_MODE(flags, flags)
  return file_shim::open_at(AT_FDCWD, path, flags, mode);
}
int openat(int folder, const char* path, int flags, ...) {
  FILE_SHIM_MODE(flags, flags)
  return file_shim::open_at(folder, path, flags, mode);
}
int openat64(int folder, const char* path, int flags, ...) {
  FILE_SHIM_MODE(flags, flags)
  return file_shim::open_at(folder, path, flags, mode);
}
// What the above become where sources are fortified.
int __open_2(const char* path, int flags) { return file_shim::open_at(AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return file_shim::open_at(AT_FDCWD, path, flags, 0); }
int __openat_2(int folder, const char* path, int flags) {
  return file_shim::open_at(folder, path, flags, 0);
}
int __openat64_2(int folder, const char* path, int flags) {
  return file_shim::open_at(folder, path, flags, 0);
}
int creat(const char* path, mode_t mode) {
  return file_shim::open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char* path, mode_t mode) { return creat(path, mode); }

ssize_t write(int descriptor, const void* data, size_t size) {
  return file_shim::write_data(descriptor, data, size, -1, [&](size_t some) -> ssize_t {
    return ::syscall(SYS_write, descriptor, data, some);
  });
}
ssize_t pwrite64(int descriptor, const void* data, size_t size, off64_t offset) {
  return file_shim::write_data(descriptor, data, size, offset, [&](size_t some) -> ssize_t {
    return ::syscall(SYS_pwrite64, descriptor, data, some, offset);
  });
}
ssize_t pwrite(int descriptor, const void* data, size_t size, off_t offset) {
  return pwrite64(descriptor, data, size, offset);
}
// One operation a part: a reader of the journal then needs no lists.
ssize_t writev(int descriptor, const struct iovec* parts, int num_parts) {
  const file_shim::Path path(descriptor);
  if (path.text[0] != '/') return ::syscall(SYS_writev, descriptor, parts, num_parts);
  ssize_t total = 0;
  for (int i = 0; i < num_parts; ++i) {
    const ssize_t written = write(descriptor, parts[i].iov_base, parts[i].iov_len);
    if (written < 0) return total > 0 ? total : written;
    total += written;
    if (static_cast<size_t>(written) < parts[i].iov_len) break;
  }
  return total;
}
int truncate(const char* path, off_t size) noexcept {
  const int descriptor = open(path, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return -1;
  const int result = file_shim::truncate_to(descriptor, size);
  close(descriptor);
  return result;
}
int truncate64(const char* path, off64_t size) noexcept { return truncate(path, size); }
int ftruncate(int descriptor, off_t size) noexcept {
  return file_shim::truncate_to(descriptor, size);
}
int ftruncate64(int descriptor, off64_t size) noexcept {
  return file_shim::truncate_to(descriptor, size);
}
int fsync(int descriptor) { return file_shim::sync_file(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return file_shim::sync_file(descriptor, SYS_fdatasync); }
int close(int descriptor) { return file_shim::close_file(descriptor); }

int rename(const char* from, const char* to) noexcept {
  return file_shim::rename_at({AT_FDCWD, from}, {AT_FDCWD, to}, 0);
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  return file_shim::rename_at({from_folder, from}, {to_folder, to}, 0);
}
int renameat2(
    int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  return file_shim::rename_at({from_folder, from}, {to_folder, to}, flags);
}
int unlink(const char* path) noexcept { return file_shim::unlink_at({AT_FDCWD, path}, 0); }
int unlinkat(int folder, const char* path, int flags) noexcept {
  return file_shim::unlink_at({folder, path}, flags);
}
int rmdir(const char* path) noexcept {
  return file_shim::unlink_at({AT_FDCWD, path}, AT_REMOVEDIR);
}
int remove(const char* path) noexcept {
  const int error = errno;
  if (unlink(path) == 0) return 0;
  if (errno != EISDIR && errno != EPERM) return -1;
  errno = error;
  return rmdir(path);
}
int mkdir(const char* path, mode_t mode) noexcept {
  return file_shim::mkdir_at({AT_FDCWD, path}, mode);
}
int mkdirat(int folder, const char* path, mode_t mode) noexcept {
  return file_shim::mkdir_at({folder, path}, mode);
}
int link(const char* from, const char* to) noexcept {
  return file_shim::link_at({AT_FDCWD, from}, {AT_FDCWD, to}, 0);
}
int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  return file_shim::link_at({from_folder, from}, {to_folder, to}, flags);
}
int symlink(const char* content, const char* path) noexcept {
  return file_shim::symlink_at(content, {AT_FDCWD, path});
}
int symlinkat(const char* content, int folder, const char* path) noexcept {
  return file_shim::symlink_at(content, {folder, path});
}

// The log's lines go through this one: the journal shows what was said by then.
size_t fwrite(const void* data, size_t size, size_t count, FILE* stream) {
  static const auto really = reinterpret_cast<decltype(&fwrite)>(::dlsym(RTLD_NEXT, "fwrite"));
  if (stream == stderr && file_shim::has_journal()) file_shim::write_down_text(data, size * count);
  return really(data, size, count, stream);
}

}  // extern "C"

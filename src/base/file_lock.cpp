#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "base/descriptor.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"

namespace ropewalk {
namespace {

std::string who_am_i() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return "process " + std::to_string(::getpid()) + " on host " + host.data();
}

std::string read_holder(int descriptor) {
  std::array<char, 512> buffer{};
  const ssize_t count = ::pread(descriptor, buffer.data(), buffer.size() - 1, 0);
  std::string text = count > 0 ? std::string(buffer.data(), static_cast<size_t>(count)) : "";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.empty() ? "another process" : text;
}

// A holder that removes the file as it ends leaves whoever opened it before with a lock on nothing.
bool is_still_named(int descriptor, const std::filesystem::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

Descriptor lock_once(const std::filesystem::path& path) {
  Descriptor file = open_descriptor(path, O_RDWR | O_CREAT, "opening the lock");
  int result;
  do {
    result = ::flock(file.get(), LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno == EWOULDBLOCK) {
    throw ConfigError(path.string() + ": in use by " + read_holder(file.get()) +
                      "; wait for it to end or choose another folder");
  }
  if (result != 0) fail_io(path, "locking", errno);
  return file;
}

Descriptor lock_named(const std::filesystem::path& path) {
  for (;;) {
    Descriptor file = lock_once(path);
    if (is_still_named(file.get(), path)) return file;
  }
}

}  // namespace

FileLock::FileLock(const std::filesystem::path& path) {
  Descriptor file = lock_named(path);
  // Who holds it is a courtesy to readers: a full disk must not deny the lock itself.
  const std::string holder = who_am_i() + "\n";
  if (::ftruncate(file.get(), 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(file.get(), holder.data(), holder.size(), 0);
  }
  descriptor_ = file.release();
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace ropewalk

#include "ropewalk/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/descriptor.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/nonce.h"

namespace ropewalk {
namespace fs = std::filesystem;

namespace {

// One write call moves at most 2 GiB on Linux; smaller pieces keep signals responsive.
constexpr size_t kWritePieceBytes = size_t{1} << 26;

[[noreturn]] void fail_write(const fs::path& path, size_t num_bytes, int error) {
  throw IoError(
      path.string() + ": writing " + std::to_string(num_bytes) + " bytes: " + std::strerror(error) +
      (error == ENOSPC || error == EDQUOT ? "; free space or choose another folder" : ""));
}

// From the end, which is at `begin`. A failure leaves nothing of it in the file: what is written
// once there is room again must not follow half a line.
void write_all(int descriptor, const fs::path& path, off_t begin, const char* data, size_t size) {
  const size_t total = size;
  while (size > 0) {
    const ssize_t written = ::write(descriptor, data, std::min(size, kWritePieceBytes));
    if (written < 0) {
      if (errno == EINTR) continue;
      const int error = errno;
      if (::ftruncate(descriptor, begin) == 0) ::lseek(descriptor, begin, SEEK_SET);
      fail_write(path, total, error);
    }
    data += written;
    size -= static_cast<size_t>(written);
  }
}

void rename_path(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    fail_io(from, "renaming to " + to.string(), errno);
  }
}

fs::path parent_of(const fs::path& path) {
  const fs::path parent = path.parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

// Some file systems cannot sync a folder (EINVAL); they order its entries themselves.
void sync_descriptor(int descriptor, const fs::path& path) {
  int result;
  do {
    result = ::fsync(descriptor);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EINVAL) fail_io(path, "fsync", errno);
}

// A folder that may be written to but not read cannot be synced.
void sync_if_readable(const fs::path& folder) {
  if (::access(folder.c_str(), R_OK) == 0) fsync_path(folder);
}

}  // namespace

std::string read_file(const fs::path& path) {
  const Descriptor file = open_descriptor(path, O_RDONLY, "opening for reading");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail_io(path, "reading its size", errno);
  if (S_ISDIR(status.st_mode)) fail_io(path, "reading", EISDIR);
  std::string content;
  // Pipes and /proc files report no size: read to the end whatever was announced.
  size_t used = 0;
  content.resize(static_cast<size_t>(status.st_size) + 1);
  for (;;) {
    if (used == content.size()) content.resize(2 * content.size());
    const ssize_t count = ::read(file.get(), content.data() + used, content.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_io(path, "reading", errno);
    if (count == 0) break;
    used += static_cast<size_t>(count);
  }
  content.resize(used);
  return content;
}

void write_file_atomic(const fs::path& path, std::string_view content) {
  const fs::path temporary = temporary_sibling(path);
  try {
    FileWriter writer(temporary);
    writer.write(content);
    writer.close();
    rename_path(temporary, path);
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
  fsync_path(parent_of(path));
}

void fsync_path(const fs::path& file_or_directory) {
  const Descriptor opened = open_descriptor(file_or_directory, O_RDONLY, "opening for fsync");
  sync_descriptor(opened.get(), file_or_directory);
}

void make_directories(const fs::path& path) {
  const fs::path folder = path.has_filename() ? path : path.parent_path();
  const fs::path parent = parent_of(folder);
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    if (parent != folder && !fs::is_directory(parent, error)) make_directories(parent);
    if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) {
      fail_io(folder, "making the folder", errno);
    }
    if (!fs::is_directory(folder, error)) fail_io(folder, "making the folder", ENOTDIR);
  }
  // Also of a folder that was there: who made it may have died before this.
  sync_if_readable(parent);
}

void append_to_file(const fs::path& path, std::string_view content) {
  const Descriptor file =
      open_descriptor(path, O_WRONLY | O_APPEND | O_CREAT, "opening for appending");
  // A pipe has no end: -1, which no file can be cut to.
  const off_t end = ::lseek(file.get(), 0, SEEK_END);
  write_all(file.get(), path, end, content.data(), content.size());
}

fs::path temporary_sibling(const fs::path& path) {
  for (;;) {
    fs::path candidate = path;
    // "a/b/" names the folder b: the sibling stands beside it, not inside.
    if (!candidate.has_filename()) candidate = candidate.parent_path();
    candidate += ".tmp-" + make_nonce().substr(0, 16);
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(candidate, ignored))) return candidate;
  }
}

void publish_directory(const fs::path& temporary, const fs::path& target) {
  try {
    std::error_code error;
    if (fs::exists(fs::symlink_status(target, error))) {
      fail_io(target, "publishing from " + temporary.string(), EEXIST);
    }
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(temporary)) {
      if (!entry.is_symlink()) fsync_path(entry.path());
    }
    fsync_path(temporary);
    rename_path(temporary, target);
  } catch (const fs::filesystem_error& error) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    throw IoError(temporary.string() + ": publishing: " + error.what());
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    throw;
  }
  try {
    fsync_path(parent_of(target.has_filename() ? target : target.parent_path()));
  } catch (const IoError& error) {
    throw NotDurableError(target.string() +
                          ": is complete, but a power cut may undo it: " + error.what());
  }
}

FileWriter::FileWriter(const fs::path& path) : path_(path) {
  descriptor_ =
      open_descriptor(path, O_WRONLY | O_CREAT | O_TRUNC, "opening for writing").release();
}

FileWriter::~FileWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_bytes_(other.size_bytes_) {}

void FileWriter::write(std::span<const std::byte> bytes) {
  ROPEWALK_CHECK(descriptor_ >= 0, "write to a closed file " + path_.string());
  write_all(descriptor_,
            path_,
            static_cast<off_t>(size_bytes_),
            reinterpret_cast<const char*>(bytes.data()),
            bytes.size());
  size_bytes_ += bytes.size();
}

void FileWriter::write(std::string_view text) {
  write(std::as_bytes(std::span(text.data(), text.size())));
}

void FileWriter::overwrite_front(std::span<const std::byte> bytes) {
  ROPEWALK_CHECK(descriptor_ >= 0 && bytes.size() <= size_bytes_,
                 "more than was written to " + path_.string());
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t written =
        ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_write(path_, bytes.size(), errno);
    done += static_cast<size_t>(written);
  }
}

void FileWriter::close() {
  ROPEWALK_CHECK(descriptor_ >= 0, "second close of " + path_.string());
  sync_descriptor(descriptor_, path_);
  // Network file systems report a full disk only here. Interrupted, it is closed nevertheless.
  if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR) {
    fail_io(path_, "closing", errno);
  }
}

}  // namespace ropewalk

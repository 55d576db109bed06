// Files that survive a crash. Every function throws IoError with path, operation and errno text
// (ENOSPC also says how many bytes were being written), except where noted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "ropewalk/base/errors.h"

namespace ropewalk {

// Whole file. A missing file is an IoError.
std::string read_file(const std::filesystem::path& path);

// write + fsync + rename + fsync of the parent: afterwards either the old or the new content
// exists.
void write_file_atomic(const std::filesystem::path& path, std::string_view content);

void fsync_path(const std::filesystem::path& file_or_directory);

// Makes the folder and those above it that are missing. It, and all that were made, are durable on
// return; what may be written to but not read is not synced.
void make_directories(const std::filesystem::path& path);

// Appends are whole (O_APPEND, one write per call): on failure nothing of it stays. For files with
// one writer.
void append_to_file(const std::filesystem::path& path, std::string_view content);

// A path of the same folder that does not exist yet: "<path>.tmp-<nonce>".
std::filesystem::path temporary_sibling(const std::filesystem::path& path);

// What was published stands there whole, but syncing its folder failed: a power cut may undo it.
class NotDurableError : public IoError {
 public:
  using IoError::IoError;
};

// Fsyncs every file and folder below `temporary`, renames it to `target` (which must not exist)
// and fsyncs the parent. On failure before the rename `temporary` is removed and the error thrown;
// after it, NotDurableError.
void publish_directory(const std::filesystem::path& temporary, const std::filesystem::path& target);

// Sequential writer over one descriptor; `close` fsyncs. A write that fails leaves nothing in the
// file: others may follow. Move-only; the destructor of an unclosed
// writer closes without fsync and leaves removal to the owner of the folder.
class FileWriter {
 public:
  explicit FileWriter(const std::filesystem::path& path);
  ~FileWriter();
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&&) = delete;
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  // In the place of as many bytes that were written.
  void overwrite_front(std::span<const std::byte> bytes);
  void close();
  uint64_t size_bytes() const { return size_bytes_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t size_bytes_ = 0;
};

// Read-only memory map of a whole file; the bytes live as long as the object. Move-only.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// An exclusive flock, held until destruction (or the process ends, however it ends).
class FileLock {
 public:
  // Throws ConfigError naming the holder's pid and host when another process has it.
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace ropewalk

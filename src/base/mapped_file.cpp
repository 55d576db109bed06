#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/descriptor.h"
#include "ropewalk/base/files.h"

namespace ropewalk {

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const Descriptor file = open_descriptor(path, O_RDONLY, "opening for reading");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail_io(path, "reading its size", errno);
  if (S_ISDIR(status.st_mode)) fail_io(path, "mapping", EISDIR);
  size_ = static_cast<size_t>(status.st_size);
  if (size_ == 0) return;  // an empty file cannot be mapped and needs no map
  void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapped == MAP_FAILED) fail_io(path, "mapping " + std::to_string(size_) + " bytes", errno);
  data_ = static_cast<const std::byte*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this == &other) return *this;
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  path_ = std::move(other.path_);
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

}  // namespace ropewalk

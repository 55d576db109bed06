// An owned file descriptor and the wording of operating system errors; private to base.
#pragma once

#include <filesystem>
#include <string>

namespace ropewalk {

// Throws IoError "path: operation: errno text".
[[noreturn]] void fail_io(const std::filesystem::path& path,
                          const std::string& operation,
                          int error);

class Descriptor {
 public:
  explicit Descriptor(int descriptor = -1) : descriptor_(descriptor) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : descriptor_(other.release()) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return descriptor_; }
  int release();

 private:
  int descriptor_;
};

// open(2) with O_CLOEXEC and mode 0666; never returns an invalid descriptor.
Descriptor open_descriptor(const std::filesystem::path& path,
                           int flags,
                           const std::string& operation);

}  // namespace ropewalk

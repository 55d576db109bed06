#include "base/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "ropewalk/base/errors.h"

namespace ropewalk {

void fail_io(const std::filesystem::path& path, const std::string& operation, int error) {
  throw IoError(path.string() + ": " + operation + ": " + std::strerror(error));
}

Descriptor::~Descriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int Descriptor::release() { return std::exchange(descriptor_, -1); }

Descriptor open_descriptor(const std::filesystem::path& path,
                           int flags,
                           const std::string& operation) {
  int opened;
  do {
    opened = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  } while (opened < 0 && errno == EINTR);
  if (opened < 0) fail_io(path, operation, errno);
  return Descriptor(opened);
}

}  // namespace ropewalk

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include "fuzz/target.h"

namespace ropewalk::fuzz {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPartBorder = "\n=====\n";

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("ropewalk-fuzz-" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

const fs::path& folder() {
  static const Folder kFolder;
  return kFolder.path();
}

}  // namespace

std::vector<std::string_view> parts(std::string_view input, size_t count) {
  std::vector<std::string_view> found;
  while (found.size() + 1 < count) {
    const size_t border = input.find(kPartBorder);
    if (border == std::string_view::npos) break;
    found.push_back(input.substr(0, border));
    input.remove_prefix(border + kPartBorder.size());
  }
  found.push_back(input);
  found.resize(count);
  return found;
}

fs::path put_file(const std::string& name, std::string_view content) {
  const fs::path path = folder() / name;
  int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) {
    fs::create_directories(path.parent_path());
    file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
  const ssize_t written = file < 0 ? -1 : ::write(file, content.data(), content.size());
  if (file >= 0) ::close(file);
  if (written != static_cast<ssize_t>(content.size())) {
    throw std::runtime_error(path.string() + ": cannot be written");
  }
  return path;
}

void remove_file(const std::string& name) {
  std::error_code ignored;
  fs::remove(folder() / name, ignored);
}

void read_all(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (const std::byte byte : bytes) sum += std::to_integer<unsigned>(byte);
  volatile unsigned seen = sum;
  (void)seen;
}

}  // namespace ropewalk::fuzz

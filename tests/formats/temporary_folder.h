// A fresh folder per test, removed with everything in it. In memory where that is possible: these
// tests write thousands of small files.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "ropewalk/base/files.h"

namespace ropewalk {

class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(temporary_sibling((std::filesystem::exists("/dev/shm")
                                     ? std::filesystem::path("/dev/shm")
                                     : std::filesystem::temp_directory_path()) /
                                "ropewalk-formats")) {
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  std::filesystem::path put(const std::string& name, std::string_view content) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }

 private:
  std::filesystem::path path_;
};

// The text of the exception of type E that `action` throws; "" when it throws none.
template <typename E, typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

}  // namespace ropewalk

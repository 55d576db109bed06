// XXH3-128 as 32 lower-case hex digits: integrity of files, identity of tables and tokenizers.
// It detects damage; it is not a signature.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace ropewalk {

std::string hash_bytes(std::span<const std::byte> bytes);
std::string hash_text(std::string_view text);
std::string hash_file(const std::filesystem::path& path);

class StreamHash {
 public:
  StreamHash();
  ~StreamHash();
  void update(std::span<const std::byte> bytes);
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ropewalk

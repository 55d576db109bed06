// A file's bytes as a stream, unpacked on the way: plain, gzip, zstd.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace ropewalk {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills up to out.size() bytes; 0 at the end only. DataError names the file when it is damaged
  // or truncated.
  virtual size_t read(std::span<char> out) = 0;
  virtual uint64_t bytes_read() const = 0;  // of the file as stored
};

// By ending: .gz, .zst, else plain.
std::unique_ptr<ByteSource> open_byte_source(const std::filesystem::path& path);

}  // namespace ropewalk

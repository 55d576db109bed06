// A file's bytes as a stream, unpacked on the way: plain, gzip, zstd; and standard input.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>

namespace ropewalk {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills up to out.size() bytes; 0 at the end only. DataError names the file when its compressed
  // data is damaged, truncated or out of proportion; IoError when it cannot be read on.
  virtual size_t read(std::span<char> out) = 0;
  virtual uint64_t bytes_read() const = 0;  // of the file as stored
};

// By ending: .gz, .zst, else plain.
std::unique_ptr<ByteSource> open_byte_source(const std::filesystem::path& path);

// As it comes. While there is none, `stopped` is asked some times a second; true ends the stream.
std::unique_ptr<ByteSource> open_standard_input(std::function<bool()> stopped);

}  // namespace ropewalk

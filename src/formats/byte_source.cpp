#include "formats/byte_source.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr size_t kInputBytes = size_t{256} << 10;
// Windows above this would make the decoder itself take more memory than a reader may.
constexpr int kMaxZstdWindowLog = 27;  // 128 MiB
// 15 bits of window; +16: gzip framing only.
constexpr int kGzipWindowBits = 15 + 16;
// Text packs to a hundredth at best. Beyond both of these a file is a bomb: zstd stores 100 GB of
// one byte in a few MB.
constexpr uint64_t kMaxUnpackRatio = 1000;
constexpr uint64_t kUnpackedFreeBytes = uint64_t{256} << 20;
constexpr int kStopPollMilliseconds = 100;

class PlainSource : public ByteSource {
 public:
  explicit PlainSource(const std::filesystem::path& path)
      : path_(path.string()), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) {
      throw DataError(path_ + ": cannot be opened: " + std::strerror(errno));
    }
  }
  ~PlainSource() override { ::close(descriptor_); }
  PlainSource(const PlainSource&) = delete;
  PlainSource& operator=(const PlainSource&) = delete;

  size_t read(std::span<char> out) override {
    for (;;) {
      const ssize_t count = ::read(descriptor_, out.data(), out.size());
      if (count < 0 && errno == EINTR) continue;
      // Not the file's fault: starting again may do.
      if (count < 0) throw IoError(path_ + ": reading: " + std::strerror(errno));
      bytes_read_ += static_cast<uint64_t>(count);
      return static_cast<size_t>(count);
    }
  }
  uint64_t bytes_read() const override { return bytes_read_; }

 private:
  std::string path_;
  int descriptor_;
  uint64_t bytes_read_ = 0;
};

class StandardInput : public ByteSource {
 public:
  explicit StandardInput(std::function<bool()> stopped) : stopped_(std::move(stopped)) {}

  size_t read(std::span<char> out) override {
    for (;;) {
      pollfd wait{STDIN_FILENO, POLLIN, 0};
      const int ready = ::poll(&wait, 1, kStopPollMilliseconds);
      if (ready == 0 || (ready < 0 && errno == EINTR)) {
        if (stopped_ && stopped_()) return 0;
        continue;
      }
      const ssize_t count = ::read(STDIN_FILENO, out.data(), out.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw IoError(std::string("standard input: reading: ") + std::strerror(errno));
      bytes_read_ += static_cast<uint64_t>(count);
      return static_cast<size_t>(count);
    }
  }
  uint64_t bytes_read() const override { return bytes_read_; }

 private:
  std::function<bool()> stopped_;
  uint64_t bytes_read_ = 0;
};

// Holds the stored bytes that the decoder has not taken yet.
class PackedSource : public ByteSource {
 public:
  explicit PackedSource(const std::filesystem::path& path)
      : path_(path.string()), file_(path), input_(kInputBytes) {}
  uint64_t bytes_read() const override { return file_.bytes_read(); }

  size_t read(std::span<char> out) final {
    const size_t count = unpack(out);
    unpacked_bytes_ += count;
    if (unpacked_bytes_ > kUnpackedFreeBytes && unpacked_bytes_ / kMaxUnpackRatio > bytes_read()) {
      fail("unpacks to more than " + std::to_string(kMaxUnpackRatio) + " times its size (" +
           format_bytes(unpacked_bytes_) +
           " so far), which no text does; leave it out, or unpack it first if it is meant so");
    }
    return count;
  }

 protected:
  virtual size_t unpack(std::span<char> out) = 0;

  bool refill() {
    if (begin_ == end_) {
      begin_ = 0;
      end_ = file_.read(input_);
    }
    return begin_ != end_;
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(path_ + ": " + what + " (near byte " +
                    std::to_string(file_.bytes_read() - (end_ - begin_)) + " of the file)");
  }

  std::string path_;
  PlainSource file_;
  std::vector<char> input_;
  size_t begin_ = 0, end_ = 0;
  uint64_t unpacked_bytes_ = 0;
};

class GzipSource : public PackedSource {
 public:
  explicit GzipSource(const std::filesystem::path& path) : PackedSource(path) {
    if (inflateInit2(&stream_, kGzipWindowBits) != Z_OK) throw std::bad_alloc();
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  size_t unpack(std::span<char> out) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    while (stream_.avail_out == out.size()) {
      if (!refill()) {
        if (inside_ || bytes_read() == 0) fail("the gzip data is truncated");
        return 0;
      }
      if (!inside_) {
        inflateReset(&stream_);  // the next member
        inside_ = true;
      }
      stream_.next_in = reinterpret_cast<Bytef*>(input_.data() + begin_);
      stream_.avail_in = static_cast<uInt>(end_ - begin_);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      begin_ = end_ - stream_.avail_in;
      if (status == Z_STREAM_END) {
        inside_ = false;
      } else if (status != Z_OK) {
        fail(std::string("the gzip data is damaged: ") +
             (stream_.msg != nullptr ? stream_.msg : "unexpected end"));
      }
    }
    return out.size() - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  bool inside_ = false;  // a member has begun and not ended
};

class ZstdSource : public PackedSource {
 public:
  explicit ZstdSource(const std::filesystem::path& path)
      : PackedSource(path), stream_(ZSTD_createDStream()) {
    if (!stream_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
  }

  size_t unpack(std::span<char> out) override {
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    while (output.pos == 0) {
      // Output that did not fit into the last call's buffer may remain without more input.
      const bool has_input = refill();
      if (!has_input && !inside_) {
        if (bytes_read() == 0) fail("the zstd data is truncated");
        return 0;
      }
      ZSTD_inBuffer input{input_.data() + begin_, end_ - begin_, 0};
      const size_t status = ZSTD_decompressStream(stream_.get(), &output, &input);
      begin_ += input.pos;
      if (ZSTD_isError(status)) {
        fail(std::string("the zstd data is damaged: ") + ZSTD_getErrorName(status));
      }
      inside_ = status != 0;
      if (!has_input && inside_ && output.pos == 0) fail("the zstd data is truncated");
    }
    return output.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool inside_ = false;  // a frame has begun and not ended
};

}  // namespace

std::unique_ptr<ByteSource> open_byte_source(const std::filesystem::path& path) {
  if (path.extension() == ".gz") return std::make_unique<GzipSource>(path);
  if (path.extension() == ".zst") return std::make_unique<ZstdSource>(path);
  return std::make_unique<PlainSource>(path);
}

std::unique_ptr<ByteSource> open_standard_input(std::function<bool()> stopped) {
  return std::make_unique<StandardInput>(std::move(stopped));
}

}  // namespace ropewalk

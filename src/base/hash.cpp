#include "ropewalk/base/hash.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <new>
#include <vector>

#include "base/descriptor.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"

namespace ropewalk {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

std::string to_hex(XXH128_hash_t hash) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  std::string text;
  text.reserve(2 * sizeof(canonical.digest));
  for (const unsigned char byte : canonical.digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

struct StreamHash::State {
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> xxh{XXH3_createState()};
};

StreamHash::StreamHash() : state_(std::make_unique<State>()) {
  if (!state_->xxh) throw std::bad_alloc();
  XXH3_128bits_reset(state_->xxh.get());
}

StreamHash::~StreamHash() = default;

void StreamHash::update(std::span<const std::byte> bytes) {
  if (!bytes.empty()) XXH3_128bits_update(state_->xxh.get(), bytes.data(), bytes.size());
}

std::string StreamHash::hex() const { return to_hex(XXH3_128bits_digest(state_->xxh.get())); }

std::string hash_bytes(std::span<const std::byte> bytes) {
  return to_hex(XXH3_128bits(bytes.data(), bytes.size()));
}

std::string hash_text(std::string_view text) {
  return hash_bytes(std::as_bytes(std::span(text.data(), text.size())));
}

// Read, not mapped: a checkpoint larger than memory must not count as memory of this process, and a
// failing disk must be an error, not a SIGBUS.
std::string hash_file(const std::filesystem::path& path) {
  const Descriptor file = open_descriptor(path, O_RDONLY, "opening for hash");
  std::vector<std::byte> buffer(kReadBytes);
  StreamHash hash;
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_io(path, "reading for hash", errno);
    if (count == 0) return hash.hex();
    hash.update(std::span(buffer).first(static_cast<size_t>(count)));
  }
}

}  // namespace ropewalk

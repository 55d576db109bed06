// safetensors, read and written under the format's full rules: u64 little-endian header length (at
// most 100,000,000), a JSON header, then tensors that cover the rest of the file without holes or
// overlap. Nothing in a file is trusted; all faults of one header are reported at once as a
// CheckpointError that names file, tensor, found and expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ropewalk/base/files.h"
#include "ropewalk/base/hash.h"

namespace ropewalk {

// In the order of the format's reference: by alignment, smallest first.
enum class DType {
  kBool,
  kF4,
  kF6E2M3,
  kF6E3M2,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E5M2FNUZ,
  kF8E4M3FNUZ,
  kF8E8M0,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
};

std::string_view dtype_name(DType dtype);  // "BF16", as in the header
std::optional<DType> find_dtype(std::string_view name);
unsigned dtype_bits(DType dtype);
// Bytes of one element. Not for F4 and F6 (see dtype_bits), whose elements are not whole bytes.
size_t dtype_size(DType dtype);

struct TensorInfo {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  uint64_t offset_begin = 0;  // bytes from the start of the data section
  uint64_t offset_end = 0;

  uint64_t num_bytes() const { return offset_end - offset_begin; }
};

std::string describe(const TensorInfo& info);  // "BF16 [4096, 128]"
// Checked product; nothing when it overflows or does not end on a byte border.
std::optional<uint64_t> tensor_bytes(DType dtype, const std::vector<int64_t>& shape);

inline constexpr uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;
inline constexpr size_t kMaxSafetensorsTensors = 1'000'000;

// A mapped file: bytes live as long as the object. Move-only; const use from several threads is
// safe. The file must not be overwritten in place while it is open.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }  // by offset
  const TensorInfo* find(std::string_view name) const;                 // nullptr when absent
  std::span<const std::byte> bytes(const TensorInfo& info) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  MappedFile file_;
  uint64_t data_begin_ = 0;
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string, size_t> index_;
  std::map<std::string, std::string> metadata_;
};

// Streams tensors in the order declared; offsets are computed here. `close` checks that every byte
// was written, fsyncs, and gives the file's hash, so that a manifest need not read it again.
// Not atomic: publish by renaming the folder or file afterwards.
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::filesystem::path& path,
                    std::vector<TensorInfo> tensors,
                    const std::map<std::string, std::string>& metadata = {});

  // A whole tensor, or the next piece of it (`write_part`).
  void write(std::string_view name, std::span<const std::byte> bytes);
  void write_part(std::string_view name, std::span<const std::byte> bytes);
  void close();

  const std::vector<TensorInfo>& tensors() const { return tensors_; }  // with offsets
  uint64_t size_bytes() const { return file_.size_bytes(); }
  std::string hash() const { return hash_.hex(); }  // of the whole file, after close()

 private:
  void advance_to(std::string_view name);
  void append(std::span<const std::byte> bytes);

  std::string path_;
  FileWriter file_;
  StreamHash hash_;
  std::vector<TensorInfo> tensors_;
  size_t next_ = 0;             // tensor being written
  uint64_t written_bytes_ = 0;  // of that tensor
};

// The order that the format's reference writes: widest dtype first, then by name. Any order is
// legal.
void sort_as_reference(std::vector<TensorInfo>& tensors);

}  // namespace ropewalk

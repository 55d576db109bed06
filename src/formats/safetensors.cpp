#include "ropewalk/formats/safetensors.h"

#include <algorithm>
#include <bit>
#include <tuple>
#include <unordered_set>

#include "formats/printable.h"
#include "formats/safetensors_header.h"
#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are stored little-endian");

constexpr uint64_t kLengthBytes = 8;

MappedFile map_weights(const std::filesystem::path& path) {
  try {
    return MappedFile(path);
  } catch (const IoError& error) {
    throw CheckpointError(error.what());
  }
}

uint64_t read_length(std::span<const std::byte> bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) value |= uint64_t(bytes[i]) << (8 * i);
  return value;
}

// Header length that is safe to read, or a fault.
std::optional<uint64_t> header_length(std::span<const std::byte> file, Diagnostics& faults) {
  if (file.size() < kLengthBytes) {
    faults.error(
        "",
        "is " + std::to_string(file.size()) + " bytes, expected at least 8; the file is truncated");
    return std::nullopt;
  }
  const uint64_t length = read_length(file);
  if (length > kMaxSafetensorsHeaderBytes) {
    faults.error("header",
                 "its length says " + std::to_string(length) + ", expected at most " +
                     std::to_string(kMaxSafetensorsHeaderBytes) +
                     "; this is not a safetensors file or it is damaged");
    return std::nullopt;
  }
  if (length > file.size() - kLengthBytes) {
    faults.error("header",
                 "its length says " + std::to_string(length) + ", but the file has only " +
                     std::to_string(file.size() - kLengthBytes) +
                     " bytes more; the file is truncated or its header lies");
    return std::nullopt;
  }
  return length;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(map_weights(path)) {
  Diagnostics faults;
  const std::span<const std::byte> bytes = file_.bytes();
  if (const std::optional<uint64_t> length = header_length(bytes, faults)) {
    data_begin_ = kLengthBytes + *length;
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
                                *length);
    SafetensorsHeader header = parse_safetensors_header(text, bytes.size() - data_begin_, faults);
    tensors_ = std::move(header.tensors);
    metadata_ = std::move(header.metadata);
  }
  faults.throw_if_errors<CheckpointError>(path.string());
  index_.reserve(tensors_.size());
  for (size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

std::span<const std::byte> SafetensorsFile::bytes(const TensorInfo& info) const {
  return file_.bytes().subspan(data_begin_ + info.offset_begin, info.num_bytes());
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     std::vector<TensorInfo> tensors,
                                     const std::map<std::string, std::string>& metadata)
    : path_(path.string()), file_(path), tensors_(std::move(tensors)) {
  uint64_t offset = 0;
  std::unordered_set<std::string_view> names;
  for (TensorInfo& info : tensors_) {
    ROPEWALK_CHECK(names.insert(info.name).second && info.name != "__metadata__",
                   path_ + ": tensor " + info.name + " declared twice");
    const std::optional<uint64_t> size = tensor_bytes(info.dtype, info.shape);
    ROPEWALK_CHECK(size, path_ + ": tensor " + info.name + ": size of " + describe(info));
    info.offset_begin = offset;
    info.offset_end = offset += *size;
  }
  const std::string text = safetensors_header_text(tensors_, metadata);
  if (text.size() > kMaxSafetensorsHeaderBytes) {
    throw CheckpointError(path_ + ": the header would take " + std::to_string(text.size()) +
                          " bytes, the format allows " +
                          std::to_string(kMaxSafetensorsHeaderBytes) + "; use more shards");
  }
  std::array<std::byte, kLengthBytes> length;
  for (size_t i = 0; i < kLengthBytes; ++i) length[i] = std::byte(text.size() >> (8 * i) & 0xff);
  append(length);
  append(std::as_bytes(std::span(text)));
}

void SafetensorsWriter::append(std::span<const std::byte> bytes) {
  file_.write(bytes);
  hash_.update(bytes);
}

// Moves past finished tensors, empty ones included, to the one named.
void SafetensorsWriter::advance_to(std::string_view name) {
  while (next_ < tensors_.size() && tensors_[next_].name != name &&
         written_bytes_ == tensors_[next_].num_bytes()) {
    ++next_;
    written_bytes_ = 0;
  }
  ROPEWALK_CHECK(next_ < tensors_.size() && tensors_[next_].name == name,
                 path_ + ": tensor " + std::string(name) + " is not the next one declared");
}

void SafetensorsWriter::write(std::string_view name, std::span<const std::byte> bytes) {
  advance_to(name);
  const TensorInfo& info = tensors_[next_];
  ROPEWALK_CHECK(written_bytes_ == 0 && bytes.size() == info.num_bytes(),
                 path_ + ": tensor " + info.name + " got " + std::to_string(bytes.size()) +
                     " bytes, declared " + std::to_string(info.num_bytes()));
  write_part(name, bytes);
}

void SafetensorsWriter::write_part(std::string_view name, std::span<const std::byte> bytes) {
  advance_to(name);
  const TensorInfo& info = tensors_[next_];
  ROPEWALK_CHECK(bytes.size() <= info.num_bytes() - written_bytes_,
                 path_ + ": tensor " + info.name + " got more than its " +
                     std::to_string(info.num_bytes()) + " bytes");
  append(bytes);
  written_bytes_ += bytes.size();
}

void SafetensorsWriter::close() {
  for (; next_ < tensors_.size(); ++next_, written_bytes_ = 0) {
    ROPEWALK_CHECK(written_bytes_ == tensors_[next_].num_bytes(),
                   path_ + ": closed before tensor " + tensors_[next_].name + " was written");
  }
  file_.close();
}

void sort_as_reference(std::vector<TensorInfo>& tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::tie(b.dtype, a.name) < std::tie(a.dtype, b.name);
  });
}

}  // namespace ropewalk

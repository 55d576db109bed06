// Token ids as they lie in a mapped file. Private to formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "ropewalk/base/files.h"

namespace ropewalk {

enum class IdType { kU8, kI8, kI16, kI32, kI64, kU16, kU32 };

int id_bytes(IdType type);

// A map of the file; one that cannot be read is a DataError.
MappedFile map_data_file(const std::filesystem::path& path);

// Takes pages that were read out of the resident set; reading them again brings them back.
void release_pages(std::span<const std::byte> mapped);

// A view: the map must outlive it. Indices are not checked.
class MappedIds {
 public:
  MappedIds() = default;
  // `bytes` begins at a multiple of the width, relative to the map, and holds whole ids.
  MappedIds(std::span<const std::byte> bytes, IdType type);

  int64_t size() const { return size_; }
  int width() const { return id_bytes(type_); }
  int64_t at(int64_t index) const;

  // Widens ids [begin, begin + out.size()). Returns the index of the first one that is not in
  // [0, limit), limit <= 2^31; `out` is then of no use.
  std::optional<int64_t> copy(int64_t begin, std::span<int64_t> out, int64_t limit) const;
  std::optional<int64_t> copy(int64_t begin, std::span<int32_t> out, int64_t limit) const;

  // Calls `found` with the index of each such id, in order. Reads everything once and keeps few
  // pages.
  void find(int64_t id, const std::function<void(int64_t)>& found) const;

 private:
  template <typename Visit>
  auto with_ids(Visit visit) const;
  template <typename T>
  std::optional<int64_t> widen(int64_t begin, std::span<T> out, int64_t limit) const;

  const std::byte* data_ = nullptr;
  int64_t size_ = 0;
  IdType type_ = IdType::kU16;
};

}  // namespace ropewalk

#include "formats/mapped_ids.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

constexpr int64_t kWindow = int64_t{1} << 21;  // ids read before their pages are released
constexpr int64_t kBlock = 64;

// Whole blocks are compared without a branch per id and in the ids' own width, so that the compiler
// uses vectors.
template <typename Stored>
bool holds(const Stored* block, Stored wanted) {
  Stored equal = 0;
  for (int64_t i = 0; i < kBlock; ++i) equal |= static_cast<Stored>(block[i] == wanted);
  return equal != 0;
}

template <typename Stored, typename Found>
void find_between(const Stored* ids,
                  std::pair<int64_t, int64_t> range,
                  Stored wanted,
                  const Found& found) {
  auto [i, end] = range;
  while (i < end) {
    if (end - i >= kBlock && !holds(ids + i, wanted)) {
      i += kBlock;
      continue;
    }
    for (const int64_t stop = std::min(i + kBlock, end); i < stop; ++i) {
      if (ids[i] == wanted) found(i);
    }
  }
}

}  // namespace

int id_bytes(IdType type) {
  switch (type) {
    case IdType::kU8:
    case IdType::kI8:
      return 1;
    case IdType::kI16:
    case IdType::kU16:
      return 2;
    case IdType::kI32:
    case IdType::kU32:
      return 4;
    case IdType::kI64:
      return 8;
  }
  ROPEWALK_CHECK(false, "type of ids");
}

MappedFile map_data_file(const std::filesystem::path& path) {
  try {
    return MappedFile(path);
  } catch (const IoError& error) {
    throw DataError(error.what());
  }
}

void release_pages(std::span<const std::byte> mapped) {
  if (mapped.empty()) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(mapped.data());
  const uintptr_t first = begin / page * page;
  // Only advice: when the system refuses, more stays resident.
  ::madvise(reinterpret_cast<void*>(first), begin - first + mapped.size(), MADV_DONTNEED);
}

MappedIds::MappedIds(std::span<const std::byte> bytes, IdType type)
    : data_(bytes.data()), size_(static_cast<int64_t>(bytes.size()) / id_bytes(type)), type_(type) {
  ROPEWALK_CHECK(bytes.size() % static_cast<size_t>(id_bytes(type)) == 0, "not whole ids");
}

template <typename Visit>
auto MappedIds::with_ids(Visit visit) const {
  switch (type_) {
    case IdType::kU8:
      return visit(reinterpret_cast<const uint8_t*>(data_));
    case IdType::kI8:
      return visit(reinterpret_cast<const int8_t*>(data_));
    case IdType::kI16:
      return visit(reinterpret_cast<const int16_t*>(data_));
    case IdType::kI32:
      return visit(reinterpret_cast<const int32_t*>(data_));
    case IdType::kI64:
      return visit(reinterpret_cast<const int64_t*>(data_));
    case IdType::kU16:
      return visit(reinterpret_cast<const uint16_t*>(data_));
    case IdType::kU32:
      return visit(reinterpret_cast<const uint32_t*>(data_));
  }
  ROPEWALK_CHECK(false, "type of ids");
}

int64_t MappedIds::at(int64_t index) const {
  return with_ids([&](const auto* ids) { return static_cast<int64_t>(ids[index]); });
}

template <typename T>
std::optional<int64_t> MappedIds::widen(int64_t begin, std::span<T> out, int64_t limit) const {
  return with_ids([&](const auto* ids) -> std::optional<int64_t> {
    ids += begin;
    const auto is_outside = [&](size_t i) {
      return static_cast<uint64_t>(static_cast<int64_t>(ids[i])) >= static_cast<uint64_t>(limit);
    };
    bool outside = false;
    for (size_t i = 0; i < out.size(); ++i) {
      outside |= is_outside(i);
      out[i] = static_cast<T>(ids[i]);
    }
    for (size_t i = 0; outside && i < out.size(); ++i) {
      if (is_outside(i)) return begin + static_cast<int64_t>(i);
    }
    return std::nullopt;
  });
}

std::optional<int64_t> MappedIds::copy(int64_t begin, std::span<int64_t> out, int64_t limit) const {
  return widen(begin, out, limit);
}

std::optional<int64_t> MappedIds::copy(int64_t begin, std::span<int32_t> out, int64_t limit) const {
  return widen(begin, out, limit);
}

void MappedIds::find(int64_t id, const std::function<void(int64_t)>& found) const {
  with_ids([&](const auto* ids) {
    using Stored = std::remove_cvref_t<decltype(*ids)>;
    if (!std::in_range<Stored>(id)) return;
    for (int64_t begin = 0; begin < size_; begin += kWindow) {
      const int64_t end = std::min(begin + kWindow, size_);
      find_between(ids, {begin, end}, static_cast<Stored>(id), found);
      release_pages(std::as_bytes(std::span(ids + begin, static_cast<size_t>(end - begin))));
    }
  });
}

}  // namespace ropewalk

// Source of the layout: NVIDIA/Megatron-LM megatron/core/datasets/indexed_dataset.py.
#include "formats/megatron_index.h"

#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

constexpr std::string_view kMagic("MMIDIDX\0\0", 9);
constexpr uint64_t kVersion = 1;
// Byte offsets of the fields.
constexpr size_t kVersionAt = 9, kTypeAt = 17, kSequencesAt = 18, kEntriesAt = 26, kLengthsAt = 34;

// The arrays begin at byte 34, so nothing in the file is aligned.
template <typename T>
T load(std::span<const std::byte> file, size_t at) {
  T value;
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}

std::optional<IdType> type_of_code(int code) {
  switch (code) {
    case 1:
      return IdType::kU8;
    case 2:
      return IdType::kI8;
    case 3:
      return IdType::kI16;
    case 4:
      return IdType::kI32;
    case 5:
      return IdType::kI64;
    case 8:
      return IdType::kU16;
    default:
      return std::nullopt;
  }
}

// A rule broken in many places is one fault: its first place, and how many more there are.
class BrokenRule {
 public:
  template <typename Text>
  void note(int64_t place, Text text) {
    if (++count_ > 1) return;
    place_ = place;
    text_ = text();
  }
  bool any() const { return count_ > 0; }
  void report(const std::string& what, Diagnostics& faults) const {
    if (count_ == 0) return;
    faults.error(what + " " + std::to_string(place_),
                 text_ + (count_ > 1 ? " (and " + std::to_string(count_ - 1) + " more)" : ""));
  }

 private:
  int64_t count_ = 0;
  int64_t place_ = 0;
  std::string text_;
};

}  // namespace

MegatronIndex::MegatronIndex(const std::filesystem::path& path, uint64_t bin_bytes)
    : file_(map_data_file(path)) {
  Diagnostics faults;
  read_header(faults);
  faults.throw_if_errors<DataError>(path.string());
  check_sequences(bin_bytes, faults);
  const size_t before = faults.errors().size();
  check_documents(faults);
  if (faults.errors().size() == before) check_gaps(faults);
  faults.throw_if_errors<DataError>(path.string());
}

void MegatronIndex::read_header(Diagnostics& faults) {
  const std::span<const std::byte> file = bytes();
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(kMagic.substr(0, text.size())) || text.empty()) {
    faults.error("", "does not begin with MMIDIDX and two zero bytes; it is no Megatron index");
    return;
  }
  if (file.size() < kLengthsAt) {
    faults.error("",
                 "has " + std::to_string(file.size()) + " bytes, less than a header of " +
                     std::to_string(kLengthsAt) + "; it is truncated");
    return;
  }
  if (const auto version = load<uint64_t>(file, kVersionAt); version != kVersion) {
    faults.error("version", "is " + std::to_string(version) + ", expected 1");
  }
  const int code = load<uint8_t>(file, kTypeAt);
  if (const std::optional<IdType> type = type_of_code(code)) {
    id_type_ = *type;
  } else {
    faults.error("type of the ids",
                 "is " + std::to_string(code) +
                     (code == 6 || code == 7 ? ", floating point," : ",") +
                     " expected one of whole numbers: 1, 2, 3, 4, 5 or 8");
  }
  const auto num_sequences = load<uint64_t>(file, kSequencesAt);
  const auto num_entries = load<uint64_t>(file, kEntriesAt);
  check_counts(num_sequences, num_entries, faults);
  if (!faults.ok()) return;
  num_sequences_ = static_cast<int64_t>(num_sequences);
  num_entries_ = static_cast<int64_t>(num_entries);
}

void MegatronIndex::check_counts(uint64_t num_sequences,
                                 uint64_t num_entries,
                                 Diagnostics& faults) const {
  const uint64_t size = file_.bytes().size();
  // Bounded before any product, so that none of these can overflow.
  if (num_sequences > size || num_entries > size) {
    faults.error("",
                 "counts " + std::to_string(num_sequences) + " sequences and " +
                     std::to_string(num_entries) + " entries of documents, but has only " +
                     std::to_string(size) + " bytes; it is truncated or damaged");
    return;
  }
  if (num_entries == 0) {
    faults.error("document list", "is empty, expected at least its first entry, 0");
  }
  const uint64_t expected = kLengthsAt + 12 * num_sequences + 8 * num_entries;
  if (size == expected) return;
  if (num_sequences > 0 && size == expected + num_sequences) {
    faults.error("", "has modes of sequences: it is multimodal, expected text only");
    return;
  }
  faults.error("",
               "has " + std::to_string(size) + " bytes, its " + std::to_string(num_sequences) +
                   " sequences and " + std::to_string(num_entries) + " entries of documents need " +
                   std::to_string(expected) +
                   (size < expected ? "; it is truncated" : "; it was appended to"));
}

int64_t MegatronIndex::length(int64_t sequence) const {
  return load<int32_t>(bytes(), kLengthsAt + 4 * static_cast<size_t>(sequence));
}

int64_t MegatronIndex::pointer(int64_t sequence) const {
  const size_t pointers = kLengthsAt + 4 * static_cast<size_t>(num_sequences_);
  return load<int64_t>(bytes(), pointers + 8 * static_cast<size_t>(sequence));
}

int64_t MegatronIndex::entry(int64_t index) const {
  const size_t list = kLengthsAt + 12 * static_cast<size_t>(num_sequences_);
  return load<int64_t>(bytes(), list + 8 * static_cast<size_t>(index));
}

void MegatronIndex::check_sequences(uint64_t bin_bytes, Diagnostics& faults) const {
  const auto size = static_cast<int64_t>(bin_bytes);
  const int64_t bin_ids = size / width();
  BrokenRule negative, misplaced, beyond;
  int64_t sum = 0;
  for (int64_t i = 0; i < num_sequences_; ++i) {
    const int64_t ids = length(i), begin = pointer(i);
    if (ids < 0) {
      negative.note(i,
                    [&] { return "has length " + std::to_string(ids) + ", expected 0 or more"; });
      continue;
    }
    if (begin < 0 || begin % width() != 0) {
      misplaced.note(i, [&] {
        return "begins at byte " + std::to_string(begin) + ", expected a multiple of " +
               std::to_string(width()) + " from 0";
      });
    } else if (begin > size || ids > (size - begin) / width()) {
      beyond.note(i, [&] {
        return "has " + std::to_string(ids) + " ids from byte " + std::to_string(begin) +
               " on, expected it to end within the .bin, which has " + std::to_string(size) +
               " bytes";
      });
    }
    // Once too large it stays so: a sum of any number of lengths must not overflow.
    if (sum <= bin_ids) sum += ids;
  }
  negative.report("sequence", faults);
  misplaced.report("sequence", faults);
  beyond.report("sequence", faults);
  if (!negative.any() && (size % width() != 0 || sum != bin_ids)) {
    faults.error("lengths",
                 "count " + (sum > bin_ids ? "at least " : std::string()) + std::to_string(sum) +
                     " ids of " + std::to_string(width()) + " bytes, but the .bin has " +
                     std::to_string(size) +
                     " bytes; it is truncated, was appended to, or belongs to another index");
  }
}

void MegatronIndex::check_documents(Diagnostics& faults) const {
  if (entry(0) != 0 || entry(num_entries_ - 1) != num_sequences_) {
    faults.error("document list",
                 "runs from " + std::to_string(entry(0)) + " to " +
                     std::to_string(entry(num_entries_ - 1)) + ", expected 0 to " +
                     std::to_string(num_sequences_) + ", the number of sequences");
  }
  BrokenRule decreasing;
  for (int64_t i = 1; i < num_entries_; ++i) {
    if (entry(i) >= entry(i - 1)) continue;
    decreasing.note(i - 1, [&] {
      return "ends at sequence " + std::to_string(entry(i)) + " before it begins, at " +
             std::to_string(entry(i - 1));
    });
  }
  decreasing.report("document", faults);
}

void MegatronIndex::check_gaps(Diagnostics& faults) const {
  BrokenRule gap;
  for (int64_t document = 0; document < num_documents(); ++document) {
    for (int64_t i = entry(document) + 1; i < entry(document + 1); ++i) {
      // Checked on its own: a negative length, or one that leads nowhere.
      if (length(i - 1) < 0 || pointer(i - 1) < 0 || pointer(i) < 0) continue;
      if (pointer(i) - length(i - 1) * width() == pointer(i - 1)) continue;
      gap.note(i, [&] {
        return "begins at byte " + std::to_string(pointer(i)) + ", expected " +
               std::to_string(pointer(i - 1)) + " + " + std::to_string(length(i - 1)) + " * " +
               std::to_string(width()) + ", the end of the one before it in document " +
               std::to_string(document);
      });
    }
  }
  gap.report("sequence", faults);
}

IdRange MegatronIndex::document(int64_t document) const {
  const int64_t first = entry(document), after = entry(document + 1);
  if (first == after) return {};
  const int64_t begin = pointer(first), last = after - 1;
  return {begin / width(), (pointer(last) - begin) / width() + length(last)};
}

}  // namespace ropewalk

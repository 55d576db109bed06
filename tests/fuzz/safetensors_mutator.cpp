// Changes the header by its words and keeps the length in front in step with it, most of the time:
// changes of single bytes rarely get past the length or the JSON.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <random>

#include "fuzz/target.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace ropewalk::fuzz {
namespace {

constexpr size_t kLengthBytes = 8;

constexpr std::array<std::string_view, 16> kNumbers = {"0",
                                                       "1",
                                                       "2",
                                                       "4",
                                                       "-1",
                                                       "0.5",
                                                       "1e3",
                                                       "1e400",
                                                       "2147483648",
                                                       "4294967296",
                                                       "4611686018427387904",
                                                       "9223372036854775807",
                                                       "9223372036854775808",
                                                       "18446744073709551615",
                                                       "18446744073709551616",
                                                       "00"};
constexpr std::array<std::string_view, 12> kTypes = {
    "F32", "BF16", "F16", "U8", "BOOL", "I64", "F4", "F6_E2M3", "F8_E4M3", "C64", "f32", ""};
constexpr std::array<std::string_view, 18> kPieces = {
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"\"",
    "null",
    "true",
    "[[[[",
    "{\"a\":",
    "\\u0000",
    "\\ud800",
    "\xff\xfe",
    "[0,0]",
    "\"dtype\":\"U8\"",
    "\"__metadata__\":{\"a\":\"b\"}",
    "\"b\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]},"};

struct Range {
  size_t begin;
  size_t end;
};

class HeaderChange {
 public:
  HeaderChange(std::string& text, std::minstd_rand& random) : text_(text), random_(random) {}

  void make() {
    switch (below(5)) {
      case 0:
        return put_in_place(numbers(), pick(kNumbers));
      case 1:
        return shift_number();
      case 2:
        return put_in_place(strings(), std::string(pick(kTypes)));
      case 3:
        return insert_piece();
      default:
        return move_entry();
    }
  }

 private:
  size_t below(size_t bound) { return random_() % bound; }

  template <size_t kCount>
  std::string pick(const std::array<std::string_view, kCount>& words) {
    return std::string(words[below(kCount)]);
  }

  std::vector<Range> numbers() const {
    std::vector<Range> found;
    for (size_t i = 0; i < text_.size(); ++i) {
      size_t end = i;
      while (end < text_.size() && std::isdigit(static_cast<unsigned char>(text_[end]))) ++end;
      if (end == i) continue;
      found.push_back({i, end});
      i = end;
    }
    return found;
  }

  // Between quotes.
  std::vector<Range> strings() const {
    std::vector<Range> found;
    for (size_t at = text_.find('"'); at != std::string::npos; at = text_.find('"', at + 1)) {
      const size_t end = text_.find('"', at + 1);
      if (end == std::string::npos) break;
      found.push_back({at + 1, end});
      at = end;
    }
    return found;
  }

  void put_in_place(const std::vector<Range>& ranges, const std::string& word) {
    if (ranges.empty()) return insert_piece();
    const Range range = ranges[below(ranges.size())];
    text_.replace(range.begin, range.end - range.begin, word);
  }

  // By one, or to another number of the header: offsets that nearly fit.
  void shift_number() {
    const std::vector<Range> ranges = numbers();
    if (ranges.empty()) return insert_piece();
    const Range from = ranges[below(ranges.size())];
    const std::string digits = text_.substr(from.begin, from.end - from.begin);
    const uint64_t value = std::strtoull(digits.c_str(), nullptr, 10);
    put_in_place(ranges, below(2) ? digits : std::to_string(value + below(3) - 1));
  }

  void insert_piece() { text_.insert(below(text_.size() + 1), pick(kPieces)); }

  // A stretch between two commas is taken out or put elsewhere.
  void move_entry() {
    const size_t begin = std::min(text_.find(',', below(text_.size() + 1)), text_.size());
    const size_t end = std::min(text_.find('}', begin), text_.size());
    const std::string entry = text_.substr(begin, end - begin);
    if (below(2)) text_.erase(begin, entry.size());
    if (below(2)) text_.insert(below(text_.size() + 1), entry);
  }

  std::string& text_;
  std::minstd_rand& random_;
};

}  // namespace

size_t mutate_safetensors(std::span<uint8_t> room, size_t size, unsigned seed) {
  std::minstd_rand random(seed);
  uint64_t length = 0;
  if (size >= kLengthBytes) std::memcpy(&length, room.data(), kLengthBytes);
  if (size < kLengthBytes || length > size - kLengthBytes || random() % 4 == 0) {
    return LLVMFuzzerMutate(room.data(), size, room.size());
  }
  const auto* bytes = reinterpret_cast<const char*>(room.data());
  std::string header(bytes + kLengthBytes, length);
  std::string data(bytes + kLengthBytes + length, size - kLengthBytes - length);
  const size_t num_changes = random() % 4;
  for (size_t n = num_changes; n > 0; --n) HeaderChange(header, random).make();
  if (num_changes == 0) data.resize(random() % (data.size() + 8));
  if (header.size() + data.size() + kLengthBytes > room.size()) {
    return LLVMFuzzerMutate(room.data(), size, room.size());
  }
  const uint64_t new_length = random() % 8 == 0 ? length : header.size();
  std::memcpy(room.data(), &new_length, kLengthBytes);
  std::copy(header.begin(), header.end(), room.begin() + kLengthBytes);
  std::copy(data.begin(), data.end(), room.begin() + kLengthBytes + header.size());
  return kLengthBytes + header.size() + data.size();
}

}  // namespace ropewalk::fuzz

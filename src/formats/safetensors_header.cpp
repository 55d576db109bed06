#include "formats/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>
#include <unordered_set>

#include "formats/printable.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"

namespace ropewalk {
namespace {

constexpr size_t kMaxListedFaults = 20;
constexpr int kMaxDepth = 64;
constexpr std::string_view kMetadataKey = "__metadata__";

// What is known of one entry while its object is read.
struct Entry {
  std::string name;
  std::string dtype;
  std::vector<uint64_t> shape;
  std::vector<uint64_t> offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
  bool broken = false;  // a fault of it is already listed
};

class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderReader(Diagnostics& faults) : faults_(faults) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool null() override {
    if (place_ == Place::kTop && key_ == kMetadataKey) return true;  // the same as none
    return other("null");
  }
  bool boolean(bool) override { return other("a boolean"); }
  bool number_integer(number_integer_t) override { return other("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return other("a fraction"); }
  bool binary(binary_t&) override { return other("binary"); }
  bool number_unsigned(number_unsigned_t value) override;
  bool string(string_t& value) override;
  bool start_object(size_t) override;
  bool key(string_t& name) override;
  bool end_object() override;
  bool start_array(size_t) override;
  bool end_array() override;
  bool parse_error(size_t position,
                   const std::string&,
                   const nlohmann::detail::exception& error) override;

 private:
  enum class Place { kStart, kTop, kMetadata, kEntry, kShape, kOffsets, kSkip };

  bool fault(const std::string& where, const std::string& text);
  bool other(const std::string& found);
  bool enter_skipped();
  bool leave_skipped();
  void finish_entry();
  std::string where() const;

  Diagnostics& faults_;
  SafetensorsHeader header_;
  std::unordered_set<std::string> names_;
  Place place_ = Place::kStart;
  std::string key_;  // of the object being read
  Entry entry_;
  int skip_depth_ = 0;  // levels below the place that is skipped
  Place skip_from_ = Place::kTop;
};

// False ends the parse: enough is known about a broken header.
bool HeaderReader::fault(const std::string& where, const std::string& text) {
  faults_.error(where, text);
  entry_.broken = true;
  return faults_.errors().size() < kMaxListedFaults;
}

std::string HeaderReader::where() const {
  switch (place_) {
    case Place::kStart:
      return "header";
    case Place::kTop:
      return "header entry '" + printable(key_) + "'";
    case Place::kMetadata:
      return "__metadata__ key '" + printable(key_) + "'";
    default:
      return "tensor '" + printable(entry_.name) + "'";
  }
}

// A value of a kind that no place takes, except unknown fields, which are passed over.
bool HeaderReader::other(const std::string& found) {
  switch (place_) {
    case Place::kSkip:
      return true;
    case Place::kStart:
      return fault(where(), "found " + found + ", expected an object");
    case Place::kTop:
      return fault(where(), "found " + found + ", expected an object");
    case Place::kMetadata:
      return fault(where(), "found " + found + ", expected a string");
    case Place::kShape:
    case Place::kOffsets:
      return fault(where(), key_ + " holds " + found + ", expected whole numbers from 0");
    case Place::kEntry:
      break;
  }
  if (key_ == "dtype") return fault(where(), "dtype is " + found + ", expected a string");
  if (key_ == "shape" || key_ == "data_offsets") {
    return fault(where(), key_ + " is " + found + ", expected a list of whole numbers");
  }
  return true;
}

bool HeaderReader::number_unsigned(number_unsigned_t value) {
  if (place_ == Place::kShape) {
    entry_.shape.push_back(value);
  } else if (place_ == Place::kOffsets) {
    entry_.offsets.push_back(value);
  } else {
    return other("a number");
  }
  return true;
}

bool HeaderReader::string(string_t& value) {
  if (place_ == Place::kMetadata) {
    header_.metadata.emplace(key_, value);
    return true;
  }
  if (place_ == Place::kEntry && key_ == "dtype") {
    entry_.dtype = value;
    return true;
  }
  return other("a string");
}

bool HeaderReader::enter_skipped() {
  if (place_ != Place::kSkip) skip_from_ = place_;
  place_ = Place::kSkip;
  if (++skip_depth_ > kMaxDepth) {
    fault("header", "nested deeper than " + std::to_string(kMaxDepth) + " levels");
    return false;
  }
  return true;
}

bool HeaderReader::leave_skipped() {
  if (--skip_depth_ == 0) place_ = skip_from_;
  return true;
}

bool HeaderReader::start_object(size_t) {
  if (place_ == Place::kStart) {
    place_ = Place::kTop;
    return true;
  }
  if (place_ == Place::kTop) {
    if (key_ == kMetadataKey) {
      place_ = Place::kMetadata;
    } else {
      entry_ = Entry{};
      entry_.name = key_;
      place_ = Place::kEntry;
    }
    return true;
  }
  return other("an object") && enter_skipped();
}

bool HeaderReader::start_array(size_t) {
  if (place_ == Place::kEntry && (key_ == "shape" || key_ == "data_offsets")) {
    place_ = key_ == "shape" ? Place::kShape : Place::kOffsets;
    return true;
  }
  return other("a list") && enter_skipped();
}

bool HeaderReader::end_array() {
  if (place_ == Place::kSkip) return leave_skipped();
  place_ = Place::kEntry;
  return true;
}

bool HeaderReader::key(string_t& name) {
  if (place_ == Place::kSkip) return true;
  key_ = name;
  if (place_ == Place::kTop) {
    entry_.broken = false;
    if (!names_.insert(name).second) return fault("", "duplicate entry '" + printable(name) + "'");
    if (names_.size() > kMaxSafetensorsTensors) {
      fault("header", "more than " + std::to_string(kMaxSafetensorsTensors) + " tensors");
      return false;
    }
  } else if (place_ == Place::kMetadata) {
    if (header_.metadata.contains(name)) return fault(where(), "duplicate key");
  } else {
    bool* seen = name == "dtype"          ? &entry_.has_dtype
                 : name == "shape"        ? &entry_.has_shape
                 : name == "data_offsets" ? &entry_.has_offsets
                                          : nullptr;
    if (seen != nullptr && *seen) return fault(where(), "duplicate field " + name);
    if (seen != nullptr) *seen = true;
  }
  return true;
}

bool HeaderReader::end_object() {
  if (place_ == Place::kSkip) return leave_skipped();
  if (place_ == Place::kEntry) finish_entry();
  place_ = Place::kTop;
  return faults_.errors().size() < kMaxListedFaults;
}

void HeaderReader::finish_entry() {
  if (entry_.broken) return;
  const std::string at = where();
  if (!entry_.has_dtype || !entry_.has_shape || !entry_.has_offsets) {
    const std::string missing = !entry_.has_dtype   ? "dtype"
                                : !entry_.has_shape ? "shape"
                                                    : "data_offsets";
    fault(at, "has no " + missing + "; expected dtype, shape and data_offsets");
    return;
  }
  const std::optional<DType> dtype = find_dtype(entry_.dtype);
  if (!dtype) {
    fault(at, "dtype '" + printable(entry_.dtype, 32) + "' is unknown; expected F32, BF16, F16...");
    return;
  }
  if (entry_.offsets.size() != 2) {
    fault(at, "data_offsets has " + std::to_string(entry_.offsets.size()) + " numbers, expected 2");
    return;
  }
  TensorInfo info;
  info.name = entry_.name;
  info.dtype = *dtype;
  for (const uint64_t size : entry_.shape) {
    if (size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      fault(at, "shape holds " + std::to_string(size) + ", more than a tensor can have");
      return;
    }
    info.shape.push_back(static_cast<int64_t>(size));
  }
  info.offset_begin = entry_.offsets[0];
  info.offset_end = entry_.offsets[1];
  header_.tensors.push_back(std::move(info));
}

bool HeaderReader::parse_error(size_t position,
                               const std::string&,
                               const nlohmann::detail::exception& error) {
  faults_.error(
      "header",
      "not valid JSON at byte " + std::to_string(position) + ": " + printable(error.what(), 300));
  return false;
}

void check_sizes(const TensorInfo& info, Diagnostics& faults) {
  const std::string at = "tensor '" + printable(info.name) + "'";
  if (info.offset_end < info.offset_begin) {
    faults.error(at,
                 "data_offsets [" + std::to_string(info.offset_begin) + ", " +
                     std::to_string(info.offset_end) + "] end before they begin");
    return;
  }
  const std::optional<uint64_t> expected = tensor_bytes(info.dtype, info.shape);
  if (!expected) {
    faults.error(at, "the size of " + describe(info) + " is not a whole 64-bit number of bytes");
  } else if (*expected != info.num_bytes()) {
    faults.error(at,
                 describe(info) + " takes " + std::to_string(*expected) +
                     " bytes, but data_offsets span " + std::to_string(info.num_bytes()));
  }
}

// Sorted by offset, each tensor begins where the last one ended and the last one ends the file.
void check_cover(const std::vector<TensorInfo>& tensors, uint64_t data_bytes, Diagnostics& faults) {
  uint64_t end = 0;
  for (const TensorInfo& info : tensors) {
    if (faults.errors().size() >= kMaxListedFaults) return;
    if (info.offset_begin != end) {
      faults.error("tensor '" + printable(info.name) + "'",
                   "begins at byte " + std::to_string(info.offset_begin) +
                       " of the data, expected " + std::to_string(end) +
                       (info.offset_begin < end ? " (it overlaps another)" : " (there is a hole)"));
    }
    check_sizes(info, faults);
    end = std::max(end, info.offset_end);
  }
  if (end != data_bytes) {
    faults.error("",
                 "tensors take " + std::to_string(end) + " bytes, but " +
                     std::to_string(data_bytes) + " follow the header" +
                     (end > data_bytes ? "; the file is truncated or its header lies"
                                       : "; it was written wrongly or appended to"));
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text,
                                           uint64_t data_bytes,
                                           Diagnostics& faults) {
  if (text.empty() || text.front() != '{') {
    faults.error("header", "does not begin with '{'; this is not a safetensors file");
    return {};
  }
  // The parser takes a NUL byte for the end of its input, which would hide what follows.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    faults.error("header", "not valid JSON at byte " + std::to_string(nul) + ": a NUL byte");
    return {};
  }
  HeaderReader reader(faults);
  const bool parsed = Json::sax_parse(text, &reader);
  ROPEWALK_CHECK(parsed || !faults.ok(), "the header's scan stopped without a reason");
  SafetensorsHeader header = reader.take();
  if (!faults.ok()) return header;
  std::sort(
      header.tensors.begin(), header.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
        return std::tie(a.offset_begin, a.offset_end, a.name) <
               std::tie(b.offset_begin, b.offset_end, b.name);
      });
  check_cover(header.tensors, data_bytes, faults);
  return header;
}

std::string safetensors_header_text(const std::vector<TensorInfo>& tensors,
                                    const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  if (!metadata.empty()) text += "\"__metadata__\":" + Json(metadata).dump();
  for (const TensorInfo& info : tensors) {
    text += (text.size() == 1 ? "" : ",") + Json(info.name).dump() + ":{\"dtype\":\"";
    text += dtype_name(info.dtype);
    text += "\",\"shape\":" + Json(info.shape).dump() + ",\"data_offsets\":[" +
            std::to_string(info.offset_begin) + "," + std::to_string(info.offset_end) + "]}";
  }
  text += "}";
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace ropewalk

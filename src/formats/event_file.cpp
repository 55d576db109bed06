#include "ropewalk/formats/event_file.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kNamePrefix = "events.out.tfevents.";

// Protocol buffer wire format: just what an Event needs.
class Message {
 public:
  void varint(int field, uint64_t value) {
    key(field, 0);
    raw_varint(value);
  }
  void fixed64(int field, double value) {
    key(field, 1);
    raw_fixed(std::bit_cast<uint64_t>(value), 8);
  }
  void fixed32(int field, float value) {
    key(field, 5);
    raw_fixed(std::bit_cast<uint32_t>(value), 4);
  }
  void bytes(int field, std::string_view value) {
    key(field, 2);
    raw_varint(value.size());
    text_ += value;
  }
  void message(int field, const Message& value) { bytes(field, value.text_); }
  const std::string& text() const { return text_; }

 private:
  void key(int field, int wire_type) { raw_varint(uint64_t(field) << 3 | uint64_t(wire_type)); }
  void raw_varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
    text_ += static_cast<char>(value);
  }
  void raw_fixed(uint64_t value, int width) {
    for (int i = 0; i < width; ++i) text_ += static_cast<char>(value >> (8 * i));
  }

  std::string text_;
};

// Event: wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7.
Message event_at(double wall_time_s, int64_t step) {
  Message event;
  event.fixed64(1, wall_time_s);
  event.varint(2, static_cast<uint64_t>(step));
  return event;
}

Message summary_with(const Message& value) {
  Message summary;
  summary.message(1, value);
  return summary;
}

std::string little_endian(uint64_t value, int width) {
  std::string text;
  for (int i = 0; i < width; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

uint32_t masked_crc_of(std::string_view text) {
  return masked_crc32c(std::as_bytes(std::span(text.data(), text.size())));
}

void write_record(FileWriter& file, const Message& event) {
  const std::string length = little_endian(event.text().size(), 8);
  // One write: a killed process leaves whole records or one short one at the end, which readers
  // pass over.
  file.write(length + little_endian(masked_crc_of(length), 4) + event.text() +
             little_endian(masked_crc_of(event.text()), 4));
}

// Readers take files by name: a later start must sort after an earlier one even when the clock was
// set back or both began within one second.
fs::path new_event_path(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw IoError(directory.string() + ": making the folder: " + error.message());
  auto seconds = static_cast<int64_t>(wall_time_now_s());
  int number = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kNamePrefix)) continue;
    int64_t other = 0;
    std::from_chars(name.data() + kNamePrefix.size(), name.data() + name.size(), other);
    seconds = std::max(seconds, other);
    ++number;
  }
  char name[80];
  do {
    std::snprintf(name,
                  sizeof(name),
                  "%s%010lld.ropewalk.%04d",
                  kNamePrefix.data(),
                  static_cast<long long>(seconds),
                  number++);
  } while (fs::exists(directory / name, error));
  return directory / name;
}

}  // namespace

EventFileWriter::EventFileWriter(const fs::path& directory, std::optional<int64_t> resumed_step)
    : path_(new_event_path(directory)), file_(path_) {
  const double now_s = wall_time_now_s();
  Message version = event_at(now_s, 0);
  version.bytes(3, "brain.Event:2");
  write_record(file_, version);
  Message session;
  session.varint(1, 1);  // SessionLog.status = START
  Message start = event_at(now_s, resumed_step ? *resumed_step + 1 : 0);
  start.message(7, session);
  write_record(file_, start);
}

// Value: tag = 1, simple_value = 2.
void EventFileWriter::scalar(std::string_view tag, int64_t step, double value, double wall_time_s) {
  Message entry;
  entry.bytes(1, tag);
  entry.fixed32(2, static_cast<float>(value));
  Message event = event_at(wall_time_s, step);
  event.message(5, summary_with(entry));
  write_record(file_, event);
}

// Value: tag = 1, tensor = 8, metadata = 9. TensorProto: dtype = 1, tensor_shape = 2,
// string_val = 8. SummaryMetadata: plugin_data = 1, data_class = 4.
void EventFileWriter::text(std::string_view tag,
                           int64_t step,
                           std::string_view markdown,
                           double wall_time_s) {
  Message dimension;
  dimension.varint(1, 1);
  Message shape;
  shape.message(2, dimension);
  Message tensor;
  tensor.varint(1, 7);  // DT_STRING
  tensor.message(2, shape);
  tensor.bytes(8, markdown);
  Message plugin;
  plugin.bytes(1, "text");
  Message metadata;
  metadata.message(1, plugin);
  metadata.varint(4, 2);  // DATA_CLASS_TENSOR
  Message entry;
  entry.bytes(1, tag);
  entry.message(8, tensor);
  entry.message(9, metadata);
  Message event = event_at(wall_time_s, step);
  event.message(5, summary_with(entry));
  write_record(file_, event);
}

void EventFileWriter::close() { file_.close(); }

double wall_time_now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace ropewalk

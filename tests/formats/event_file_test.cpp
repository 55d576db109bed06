#include "ropewalk/formats/event_file.h"

#include <gtest/gtest.h>

#include "formats/temporary_folder.h"

namespace ropewalk {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

uint64_t little_endian(std::string_view text) {
  uint64_t value = 0;
  for (size_t i = 0; i < text.size(); ++i)
    value |= uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  return value;
}

std::vector<std::string> records_of(const std::filesystem::path& path) {
  const std::string file = read_file(path);
  std::string_view rest = file;
  std::vector<std::string> records;
  while (!rest.empty()) {
    const uint64_t length = little_endian(rest.substr(0, 8));
    EXPECT_EQ(little_endian(rest.substr(8, 4)), masked_crc32c(bytes_of(rest.substr(0, 8))));
    const std::string_view data = rest.substr(12, length);
    EXPECT_EQ(little_endian(rest.substr(12 + length, 4)), masked_crc32c(bytes_of(data)));
    records.emplace_back(data);
    rest.remove_prefix(16 + length);
  }
  return records;
}

// RFC 3720, B.4.
TEST(Crc32c, MatchesPublishedValues) {
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\0'))), 0x8a9136aau);
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\xff'))), 0x62a8ab43u);
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283u);
}

TEST(EventFile, FirstRecordIsTheVersionAndEachScalarIsOneRecord) {
  const TemporaryFolder folder;
  EventFileWriter writer(folder / "a/b");
  writer.scalar("loss", 3, 0.5, 12.0);
  const auto records = records_of(writer.path());  // readable without close
  ASSERT_EQ(records.size(), 3u);
  EXPECT_NE(records[0].find("brain.Event:2"), std::string::npos);
  EXPECT_EQ(records[2],
            std::string("\x09\x00\x00\x00\x00\x00\x00\x28\x40\x10\x03\x2a\x0d\x0a\x0b\x0a\x04"
                        "loss\x15\x00\x00\x00\x3f",
                        26));
  writer.close();
}

TEST(EventFile, LaterStartsSortAfterEarlierOnes) {
  const TemporaryFolder folder;
  folder.put("events.out.tfevents.9999999998.other-host.1.0", "");
  const EventFileWriter first(folder.path());
  const EventFileWriter second(folder.path(), 20);
  EXPECT_LT(folder / "events.out.tfevents.9999999998.other-host.1.0", first.path());
  EXPECT_LT(first.path(), second.path());
  EXPECT_EQ(records_of(first.path()).size(), 2u);   // version, session start at step 0
  EXPECT_EQ(records_of(second.path()).size(), 2u);  // version, session start at step 21
}

}  // namespace
}  // namespace ropewalk

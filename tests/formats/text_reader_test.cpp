#include "ropewalk/formats/text_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::vector<std::string> texts_of(const std::filesystem::path& path,
                                  TextReaderOptions options = {}) {
  TextReader reader(path, options);
  std::vector<std::string> texts;
  for (Document document; reader.next(document);) texts.push_back(document.text);
  return texts;
}

std::string fault_of(const std::filesystem::path& path, TextReaderOptions options = {}) {
  return error_of<DataError>([&] { texts_of(path, options); });
}

TEST(TextReader, ATextFileIsOneDocumentByteForByte) {
  const TemporaryFolder folder;
  const std::string text =
      "a\r\n\n\xef\xbb\xbf"
      "b\n\nc";
  EXPECT_THAT(texts_of(folder.put("a.txt", text)), ElementsAre(text));
  EXPECT_THAT(texts_of(folder.put("a.txt.gz", gzip(text))), ElementsAre(text));
  EXPECT_THAT(texts_of(folder.put("a.md.zst", zstd(text))), ElementsAre(text));
  EXPECT_THAT(texts_of(folder.put("empty.txt", "")), ElementsAre(""));
}

TEST(TextReader, AJsonLineIsOneDocument) {
  const TemporaryFolder folder;
  const std::string lines =
      "{\"text\":\"one\\n\\u00e9\",\"id\":7}\n\n  "
      "\r\n{\"id\":[{}],\"text\":\"\"}\r\n{\"text\":\"last\"}";
  const auto expected = ElementsAre("one\n\u00e9", "", "last");
  EXPECT_THAT(texts_of(folder.put("a.jsonl", lines)), expected);
  EXPECT_THAT(texts_of(folder.put("a.jsonl.gz", gzip(lines))), expected);
  EXPECT_THAT(texts_of(folder.put("a.ndjson.zst", zstd(lines))), expected);
  EXPECT_THAT(texts_of(folder.put("b.jsonl", "{\"body\":\"x\"}\n"), {.text_field = "body"}),
              ElementsAre("x"));
  TextReader reader(folder / "a.jsonl");
  EXPECT_EQ(reader.kind(), TextKind::kJsonLines);
  Document document;
  reader.next(document);
  reader.next(document);
  EXPECT_EQ(document.line, 4);
  EXPECT_EQ(reader.bytes_read(), lines.size());
}

TEST(TextReader, LinesMayCrossReadBordersAndMembersFollowOneAnother) {
  const TemporaryFolder folder;
  std::string lines;
  std::vector<std::string> expected;
  for (int i = 0; i < 40; ++i) {
    expected.emplace_back(100'000 + i * 1'000, static_cast<char>('a' + i % 26));
    lines += "{\"text\":\"" + expected.back() + "\"}\n";
  }
  EXPECT_EQ(texts_of(folder.put("a.jsonl", lines)), expected);
  const size_t cut = lines.size() / 3;
  EXPECT_EQ(
      texts_of(folder.put("a.jsonl.gz", gzip(lines.substr(0, cut)) + gzip(lines.substr(cut)))),
      expected);
  EXPECT_EQ(
      texts_of(folder.put("a.jsonl.zst", zstd(lines.substr(0, cut)) + zstd(lines.substr(cut)))),
      expected);
}

TEST(TextReader, FaultsNameFileAndLine) {
  const TemporaryFolder folder;
  const std::string good = "{\"text\":\"x\"}\n";
  const auto fault = [&](const std::string& line) {
    return fault_of(folder.put("a.jsonl", good + line));
  };
  EXPECT_THAT(fault("{\"text\":"), AllOf(HasSubstr("a.jsonl:2: "), HasSubstr("JSON")));
  EXPECT_THAT(fault("[1]"), AllOf(HasSubstr("a.jsonl:2: "), HasSubstr("array")));
  EXPECT_THAT(fault("{\"tex\":\"\"}"),
              AllOf(HasSubstr("a.jsonl:2: "), HasSubstr("no field 'text'")));
  EXPECT_THAT(fault("{\"text\":null}"), AllOf(HasSubstr("a.jsonl:2: "), HasSubstr("null")));
  EXPECT_THAT(fault("{\"text\":\"\xc3\"}"),
              AllOf(HasSubstr("a.jsonl:2: "), HasSubstr("byte 10"), HasSubstr("UTF-8")));
  EXPECT_THAT(fault("{\"text\":\"a\"} {\"text\":\"b\"}"), HasSubstr("a.jsonl:2: "));
  EXPECT_THAT(fault("{\"text\":\"a\"}" + std::string(1, '\0') + "b"), HasSubstr("a.jsonl:2: "));
  EXPECT_THAT(fault_of(folder.put("a.txt", "one\ntwo\xff")),
              AllOf(HasSubstr("a.txt:2: "), HasSubstr("byte 8")));
}

std::vector<std::string> fields_of(const std::string& line, const std::string& field) {
  const TemporaryFolder folder;
  return texts_of(folder.put("a.jsonl", line), {.text_field = field});
}

TEST(TextReader, AFieldMayLieInsideOthers) {
  const std::string line =
      R"({"meta": {"body": {"text": "deep"}}, "parts": [{"text": "p0"}, {"text": "p1"}],)"
      R"( "rows": [["r00", "r01"]], "a.b": "literal", "a": {"b": "nested", "c": "only nested"},)"
      R"( "x.y": {"z": "half"}, "x": {"y": {"w": "way"}}, "q[0]": "name"})";
  EXPECT_THAT(fields_of(line, "meta.body.text"), ElementsAre("deep"));
  EXPECT_THAT(fields_of(line, "parts[0].text"), ElementsAre("p0"));
  EXPECT_THAT(fields_of(line, "parts[1].text"), ElementsAre("p1"));
  EXPECT_THAT(fields_of(line, "rows[0][1]"), ElementsAre("r01"));
  EXPECT_THAT(fields_of(line, "a.b"), ElementsAre("literal"));
  EXPECT_THAT(fields_of(line, "a.c"), ElementsAre("only nested"));
  EXPECT_THAT(fields_of(line, "x.y.z"), ElementsAre("half"));
  EXPECT_THAT(fields_of(line, "x.y.w"), ElementsAre("way"));
  EXPECT_THAT(fields_of(line, "q[0]"), ElementsAre("name"));
  for (const char* absent : {"meta.text",
                             "meta.body.text.more",
                             "meta.",
                             "parts[2].text",
                             "parts[-1].text",
                             "parts[0",
                             "parts.0.text",
                             "parts[].text",
                             ".",
                             "[0]"}) {
    EXPECT_THAT(error_of<DataError>([&] { fields_of(line, absent); }),
                AllOf(HasSubstr("no field"), HasSubstr("'meta'")))
        << absent;
  }
  EXPECT_THAT(error_of<DataError>([&] { fields_of(line, "meta.body"); }), HasSubstr("type object"));
}

TEST(TextReader, AWholeLineIsTakenAsItStands) {
  const TemporaryFolder folder;
  const std::string line = R"( {"messages":  [1, "\u00e9"]} )";
  EXPECT_THAT(texts_of(folder.put("a.jsonl", line + "\n"), {.whole_line = true}),
              ElementsAre(line));
  for (const char* bad : {"[1]", "{\"a\":1,\"a\":2}", "{\"a\":", "\"text\""}) {
    EXPECT_THAT(fault_of(folder.put("a.jsonl", bad), {.whole_line = true}), HasSubstr("a.jsonl:1"))
        << bad;
  }
}

TEST(TextReader, WhatTheEndingDoesNotSayIsForTheCallerToSay) {
  const TemporaryFolder folder;
  const auto path = folder.put("dump.dat", "{\"text\":\"x\"}\n");
  EXPECT_THAT(texts_of(path, {.kind_if_unknown = TextKind::kJsonLines}), ElementsAre("x"));
  EXPECT_THAT(texts_of(path, {.kind_if_unknown = TextKind::kText}),
              ElementsAre("{\"text\":\"x\"}\n"));
  EXPECT_THAT(
      texts_of(folder.put("a.jsonl", "{\"text\":\"x\"}\n"), {.kind_if_unknown = TextKind::kText}),
      ElementsAre("x"));
}

TEST(TextReader, AStopEndsTheReading) {
  const TemporaryFolder folder;
  const auto path = folder.put("a.txt", std::string(size_t{1} << 20, 'x'));
  int asked = 0;
  const TextReaderOptions options{.stopped = [&] { return ++asked == 2; }};
  EXPECT_THAT(error_of<Error>([&] { texts_of(path, options); }), HasSubstr("was stopped"));
  EXPECT_EQ(asked, 2);
}

TEST(TextReader, LengthsAreBounded) {
  const TemporaryFolder folder;
  const std::string line = "{\"text\":\"" + std::string(1000, 'x') + "\"}";
  const auto path = folder.put("a.jsonl", "{\"text\":\"\"}\n" + line);
  EXPECT_EQ(fault_of(path, {.max_line_bytes = line.size()}), "");
  EXPECT_THAT(fault_of(path, {.max_line_bytes = line.size() - 1}), HasSubstr("a.jsonl:2: "));
  EXPECT_EQ(fault_of(folder.put("a.txt", line), {.max_document_bytes = line.size()}), "");
  EXPECT_THAT(fault_of(folder / "a.txt", {.max_document_bytes = line.size() - 1}),
              HasSubstr("a.txt:1: "));
}

TEST(TextReader, WhatIsTooLongIsReadToItsEndWithoutBeingHeld) {
  const TemporaryFolder folder;
  const std::string good = "{\"text\":\"good\"}\n";
  const std::string zeros(size_t{64} << 20, 'x');
  const TextReaderOptions options{.max_line_bytes = 1 << 20, .max_document_bytes = 1 << 20};
  RawDocument raw;

  TextReader lines(folder.put("a.jsonl.zst", zstd(good + zeros + "\n" + good)), options);
  ASSERT_TRUE(lines.next_raw(raw));
  EXPECT_FALSE(raw.bad);
  ASSERT_TRUE(lines.next_raw(raw));
  ASSERT_TRUE(raw.bad);
  EXPECT_EQ(raw.bad->line, 2);
  EXPECT_THAT(raw.bad->reason, AllOf(HasSubstr("1 MiB"), HasSubstr("--max-line-bytes")));
  EXPECT_LE(raw.bytes.capacity(), size_t{4} << 20);
  ASSERT_TRUE(lines.next_raw(raw));
  EXPECT_FALSE(raw.bad);
  EXPECT_EQ(raw.line, 3);
  EXPECT_FALSE(lines.next_raw(raw));

  TextReader text(folder.put("a.txt.gz", gzip(zeros)), options);
  ASSERT_TRUE(text.next_raw(raw));
  ASSERT_TRUE(raw.bad);
  EXPECT_THAT(raw.bad->reason, AllOf(HasSubstr("1 MiB"), HasSubstr("--max-document-bytes")));
  EXPECT_LE(raw.bytes.capacity(), size_t{4} << 20);
  EXPECT_FALSE(text.next_raw(raw));
}

TEST(TextReader, AFileThatUnpacksOutOfAllProportionIsAnError) {
  const TemporaryFolder folder;
  // A frame of 32 MiB of one byte, several times: 10,000 to 1 and more.
  const std::string frame = zstd(std::string(size_t{32} << 20, 'x'));
  std::string frames;
  for (int i = 0; i < 9; ++i) frames += frame;
  for (const char* name : {"a.txt.zst", "a.jsonl.zst"}) {
    TextReader reader(folder.put(name, frames));
    RawDocument raw;
    EXPECT_THAT(error_of<DataError>([&] { reader.next_raw(raw); }),
                AllOf(HasSubstr(name), HasSubstr("1000 times")));
  }
  // As much in proportion, but little: no harm.
  EXPECT_EQ(fault_of(folder.put("b.txt.zst", frame)), "");
}

TEST(TextReader, EveryTruncationAndBitFlipOfPackedFilesIsAnError) {
  const TemporaryFolder folder;
  const std::string text = "one document, of some length; one document, of some length";
  for (const char* name : {"a.txt.gz", "a.txt.zst"}) {
    const std::string whole = std::string(name).ends_with("gz") ? gzip(text) : zstd(text);
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_THAT(fault_of(folder.put(name, whole.substr(0, size))), HasSubstr(name)) << size;
    }
    for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
      std::string flipped = whole;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
      fault_of(
          folder.put(name, flipped));  // any outcome but a crash: zstd carries no checksum here
    }
  }
}

TEST(TextReader, InputsAreKnownByTheirEnding) {
  for (const char* name :
       {"a.txt", "a.b.jsonl", "a.jsonl.gz", "x/a.ndjson.zst", "a.md", "a.json", "a.parquet"}) {
    EXPECT_TRUE(text_kind_of(name)) << name;
  }
  for (const char* name : {"a", "a.gz", "a.txt.bz2", "txt", ".zst"}) {
    EXPECT_FALSE(text_kind_of(name)) << name;
  }
  const TemporaryFolder folder;
  EXPECT_THAT(fault_of(folder.put("a.bin", "")), HasSubstr("not a text input"));
  EXPECT_THAT(fault_of(folder / "none.txt"), HasSubstr("no such file"));
}

}  // namespace
}  // namespace ropewalk

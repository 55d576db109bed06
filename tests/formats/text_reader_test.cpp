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

TEST(TextReader, ABombStopsAtTheLimit) {
  const TemporaryFolder folder;
  const std::string zeros(size_t{64} << 20, 'x');
  for (const auto& path :
       {folder.put("a.txt.gz", gzip(zeros)), folder.put("a.jsonl.zst", zstd(zeros))}) {
    TextReader reader(path, {.max_line_bytes = 1 << 20, .max_document_bytes = 1 << 20});
    Document document;
    EXPECT_THROW(reader.next(document), DataError);
    EXPECT_LE(document.text.capacity(), size_t{4} << 20);
  }
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
       {"a.txt", "a.b.jsonl", "a.jsonl.gz", "x/a.ndjson.zst", "a.md", "a.json"}) {
    EXPECT_TRUE(is_text_input(name)) << name;
  }
  for (const char* name : {"a", "a.gz", "a.parquet", "a.txt.bz2", "txt", ".zst"}) {
    EXPECT_FALSE(is_text_input(name)) << name;
  }
  const TemporaryFolder folder;
  EXPECT_THAT(fault_of(folder.put("a.parquet", "")), HasSubstr("not a text input"));
  EXPECT_THAT(fault_of(folder / "none.txt"), HasSubstr("no such file"));
}

TEST(Utf8, InvalidSequencesAreFoundWhereTheyBegin) {
  for (const char* good : {"",
                           "a",
                           "\xc2\x80",
                           "\xe0\xa0\x80",
                           "\xed\x9f\xbf",
                           "\xef\xbf\xbf",
                           "\xf0\x90\x80\x80",
                           "\xf4\x8f\xbf\xbf",
                           "0123456\xc3\xa9 0123456789"}) {
    EXPECT_EQ(first_invalid_utf8(good), std::string_view(good).size());
  }
  for (const char* bad : {"\x80",
                          "\xc0\x80",
                          "\xc1\xbf",
                          "\xc3",
                          "\xe0\x9f\xbf",
                          "\xed\xa0\x80",
                          "\xe2\x82",
                          "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80",
                          "\xff",
                          "\xe2\x28\xa1"}) {
    for (const std::string before : {"", "0123456", "01234567", "\u00e9"}) {
      EXPECT_EQ(first_invalid_utf8(before + bad), before.size()) << bad;
      EXPECT_EQ(first_invalid_utf8(before + bad + " and more text"), before.size()) << bad;
    }
  }
}

}  // namespace
}  // namespace ropewalk

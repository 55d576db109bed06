// A line with the file's ending and the field, then the file. What is said to be packed is read as
// it is; a plain text is read once more out of a sound gzip or zstd file, which mutations of packed
// bytes hardly ever are.
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>

#include "fuzz/target.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/utf8.h"
#include "ropewalk/formats/text_reader.h"

namespace ropewalk::fuzz {
namespace {

constexpr std::array<const char*, 6> kEndings = {
    "jsonl", "jsonl.gz", "jsonl.zst", "txt", "txt.gz", "txt.zst"};

void read_documents(const std::filesystem::path& path, const std::string& field) {
  TextReaderOptions options;
  if (!field.empty()) options.text_field = field;
  options.max_line_bytes = 16 << 10;
  options.max_document_bytes = 256 << 10;
  TextReader reader(path, options);
  RawDocument raw;
  Document document;
  while (reader.next_raw(raw)) {
    if (!parse_document(options, raw, document)) {
      ROPEWALK_CHECK(first_invalid_utf8(document.text) == document.text.size(), "not UTF-8");
    }
  }
}

std::string zstd_packed(std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1));
  return packed;
}

}  // namespace

void fuzz_text_file(std::string_view input) {
  const size_t line = std::min(input.find('\n'), input.size());
  const std::string head(input.substr(0, line));
  const std::string_view content = input.substr(std::min(line + 1, input.size()));
  const size_t space = std::min(head.find(' '), head.size());
  const std::string field = head.substr(std::min(space + 1, head.size()));
  const std::string ending = head.substr(0, space);
  if (std::find(kEndings.begin(), kEndings.end(), ending) == kEndings.end()) return;
  const auto path = put_file("text." + ending, content);
  read_documents(path, field);
  if (ending == "jsonl") {
    read_documents(put_file("text.jsonl.zst", zstd_packed(content)), field);
  }
}

}  // namespace ropewalk::fuzz

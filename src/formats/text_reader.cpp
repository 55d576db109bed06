#include "ropewalk/formats/text_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "formats/byte_source.h"
#include "formats/printable.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace fs = std::filesystem;

namespace {

constexpr size_t kChunkBytes = size_t{256} << 10;

std::optional<TextKind> kind_of(const fs::path& path) {
  fs::path name = path.filename();
  if (name.extension() == ".gz" || name.extension() == ".zst") name = name.stem();
  const std::string ending = name.extension().string();
  if (ending == ".txt" || ending == ".text" || ending == ".md") return TextKind::kText;
  if (ending == ".jsonl" || ending == ".ndjson" || ending == ".json") return TextKind::kJsonLines;
  return std::nullopt;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

struct TextReader::State {
  std::string path;
  TextKind kind = TextKind::kText;
  TextReaderOptions options;
  std::unique_ptr<ByteSource> source;
  std::vector<char> chunk = std::vector<char>(kChunkBytes);
  size_t begin = 0, end = 0;  // unread part of chunk
  std::string line;
  int64_t line_number = 0;
  bool text_done = false;

  [[noreturn]] void fail(int64_t at_line, const std::string& what) const {
    throw DataError(path + ":" + std::to_string(at_line) + ": " + what);
  }
  bool refill();
  bool read_line();
  void append_line_part(std::string_view part);
  void parse_line(Document& document) const;
  bool next_text(Document& document);
  bool next_line(Document& document);
};

bool TextReader::State::refill() {
  if (begin < end) return true;
  begin = 0;
  end = source->read(chunk);
  return end > 0;
}

void TextReader::State::append_line_part(std::string_view part) {
  if (line.size() + part.size() > options.max_line_bytes) {
    fail(line_number,
         "the line is longer than " + format_bytes(options.max_line_bytes) +
             "; expected one document per line (one text file may be longer: .txt)");
  }
  line += part;
}

// The next line without its newline; false at the end of the file.
bool TextReader::State::read_line() {
  line.clear();
  if (!refill()) return false;
  ++line_number;
  while (refill()) {
    const char* from = chunk.data() + begin;
    const auto* newline = static_cast<const char*>(std::memchr(from, '\n', end - begin));
    const size_t length = newline != nullptr ? size_t(newline - from) : end - begin;
    append_line_part({from, length});
    begin += length + (newline != nullptr ? 1 : 0);
    if (newline != nullptr) break;
  }
  return true;
}

void TextReader::State::parse_line(Document& document) const {
  // A column in bytes reads better in the reason than in the place: name the line only.
  if (const size_t bad = first_invalid_utf8(line); bad != line.size()) {
    fail(line_number, "byte " + std::to_string(bad + 1) + " of the line is not valid UTF-8");
  }
  Json value;
  try {
    value = parse_json(line, "line");
  } catch (const ConfigError& error) {
    fail(line_number, printable(error.what(), 300));
  }
  if (!value.is_object()) {
    fail(line_number,
         std::string("found a JSON ") + value.type_name() +
             ", expected an object with the field '" + options.text_field + "'");
  }
  const auto field = value.find(options.text_field);
  if (field == value.end() || !field->is_string()) {
    fail(line_number,
         field == value.end() ? "has no field '" + options.text_field + "'"
                              : "field '" + options.text_field + "' is a " + field->type_name() +
                                    ", expected a string");
  }
  document.text = field->get_ref<const std::string&>();
  document.line = line_number;
}

bool TextReader::State::next_line(Document& document) {
  while (read_line()) {
    if (is_blank(line)) continue;
    parse_line(document);
    return true;
  }
  return false;
}

bool TextReader::State::next_text(Document& document) {
  if (text_done) return false;
  text_done = true;
  document.text.clear();
  document.line = 1;
  while (refill()) {
    if (document.text.size() + (end - begin) > options.max_document_bytes) {
      fail(1,
           "the text is longer than " + format_bytes(options.max_document_bytes) +
               ", the most that one document may have; split it or use .jsonl");
    }
    document.text.append(chunk.data() + begin, end - begin);
    begin = end;
  }
  if (const size_t bad = first_invalid_utf8(document.text); bad != document.text.size()) {
    const auto lines =
        std::count(document.text.begin(), document.text.begin() + ptrdiff_t(bad), '\n');
    fail(lines + 1, "byte " + std::to_string(bad + 1) + " of the text is not valid UTF-8");
  }
  return true;
}

bool is_text_input(const fs::path& path) { return kind_of(path).has_value(); }

TextReader::TextReader(const fs::path& path, TextReaderOptions options)
    : state_(std::make_unique<State>()) {
  const std::optional<TextKind> kind = kind_of(path);
  std::error_code error;
  if (!fs::exists(path, error)) throw DataError(path.string() + ": no such file");
  if (!kind || fs::is_directory(path, error)) {
    throw DataError(path.string() +
                    ": not a text input; expected a file that ends in .txt, .md "
                    "(one document) or .jsonl (one per line), plain, .gz or .zst");
  }
  state_->path = path.string();
  state_->kind = *kind;
  state_->options = std::move(options);
  state_->source = open_byte_source(path);
}

TextReader::~TextReader() = default;
TextReader::TextReader(TextReader&&) noexcept = default;

bool TextReader::next(Document& document) {
  return state_->kind == TextKind::kText ? state_->next_text(document)
                                         : state_->next_line(document);
}

TextKind TextReader::kind() const { return state_->kind; }

uint64_t TextReader::bytes_read() const { return state_->source->bytes_read(); }

}  // namespace ropewalk

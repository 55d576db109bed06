#include "ropewalk/formats/text_reader.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "formats/byte_source.h"
#include "formats/json_field.h"
#include "formats/printable.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"
#include "ropewalk/base/text.h"
#include "ropewalk/base/utf8.h"
#include "ropewalk/formats/parquet_reader.h"

namespace ropewalk {
namespace fs = std::filesystem;

namespace {

constexpr size_t kChunkBytes = size_t{256} << 10;
constexpr size_t kMaxReasonBytes = 300;
constexpr size_t kMaxListedFields = 8;
// How parse_json's texts begin for the source "line".
constexpr std::string_view kPlaceInLine = "line:1:";
constexpr std::string_view kSource = "line: ";

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

std::string names_of(const Json& object) {
  std::string names;
  size_t listed = 0;
  for (const auto& [name, value] : object.items()) {
    if (listed == kMaxListedFields) return names + ", ...";
    names += (listed++ == 0 ? "'" : ", '") + printable(name, 40) + "'";
  }
  return names.empty() ? "no field at all" : names;
}

std::optional<std::string> take_text(const TextReaderOptions& options,
                                     std::string& line,
                                     std::string& text) {
  // A column in bytes reads better in the reason than in the place.
  if (const size_t bad = first_invalid_utf8(line); bad != line.size()) {
    return "byte " + std::to_string(bad + 1) + " of the line is not valid UTF-8";
  }
  Json value;
  try {
    value = parse_json(line, "line");
  } catch (const ConfigError& error) {
    std::string reason = printable(error.what(), kMaxReasonBytes);
    if (reason.starts_with(kPlaceInLine)) reason.replace(0, kPlaceInLine.size(), "column ");
    if (reason.starts_with(kSource)) reason.erase(0, kSource.size());
    return reason;
  }
  const std::string& name = options.text_field;
  if (!value.is_object()) {
    return std::string("found a JSON ") + value.type_name() + ", expected an object" +
           (options.whole_line ? "" : " with the field '" + name + "'");
  }
  if (options.whole_line) {
    text.swap(line);
    return std::nullopt;
  }
  const Json* field = find_field(value, name);
  if (field == nullptr) return "has no field '" + name + "'; found " + names_of(value);
  if (!field->is_string()) {
    return "field '" + name + "' is of the type " + field->type_name() + ", expected a string";
  }
  text = field->get_ref<const std::string&>();
  return std::nullopt;
}

std::optional<BadLine> check_text(const std::string& text) {
  const size_t bad = first_invalid_utf8(text);
  if (bad == text.size()) return std::nullopt;
  const auto lines = std::count(text.begin(), text.begin() + ptrdiff_t(bad), '\n');
  return BadLine{lines + 1, "byte " + std::to_string(bad + 1) + " of the text is not valid UTF-8"};
}

}  // namespace

std::optional<TextKind> text_kind_of(const fs::path& path) {
  fs::path name = path.filename();
  if (name.extension() == ".gz" || name.extension() == ".zst") name = name.stem();
  const std::string ending = name.extension().string();
  if (ending == ".txt" || ending == ".text" || ending == ".md") return TextKind::kText;
  if (is_parquet_input(path)) return TextKind::kText;
  if (ending == ".jsonl" || ending == ".ndjson" || ending == ".json") return TextKind::kJsonLines;
  return std::nullopt;
}

std::optional<BadLine> parse_document(const TextReaderOptions& options,
                                      RawDocument& raw,
                                      Document& document) {
  if (raw.bad) return raw.bad;
  document.line = raw.line;
  std::optional<BadLine> bad;
  if (raw.kind == TextKind::kText) {
    bad = check_text(raw.bytes);
    if (!bad) document.text.swap(raw.bytes);
  } else if (auto reason = take_text(options, raw.bytes, document.text)) {
    bad = BadLine{raw.line, std::move(*reason)};
  }
  return bad;
}

struct TextReader::State {
  std::string name;
  TextKind kind = TextKind::kText;
  TextReaderOptions options;
  std::unique_ptr<ByteSource> source;
  std::unique_ptr<ParquetReader> parquet;  // reads instead of all that follows
  std::vector<char> chunk = std::vector<char>(kChunkBytes);
  size_t begin = 0, end = 0;  // unread part of chunk
  int64_t line_number = 0;
  bool text_done = false;

  bool refill();
  bool read_line(RawDocument& raw);
  bool read_text(RawDocument& raw);
  bool read_row(RawDocument& raw);
};

bool TextReader::State::read_row(RawDocument& raw) {
  ParquetRow row;
  if (!parquet->next_row(row)) return false;
  raw.bytes = std::move(row.text);
  raw.line = row.row;
  raw.bad.reset();
  if (!row.fault.empty()) raw.bad = BadLine{row.row, std::move(row.fault)};
  return true;
}

bool TextReader::State::refill() {
  if (begin < end) return true;
  begin = 0;
  end = source->read(chunk);
  if (options.stopped && options.stopped()) {
    throw Error(name + ": reading was stopped", kExitFailure);
  }
  return end > 0;
}

// The next line without its newline; false at the end of the file.
bool TextReader::State::read_line(RawDocument& raw) {
  raw.bytes.clear();
  raw.bad.reset();
  if (!refill()) return false;
  raw.line = ++line_number;
  while (refill()) {
    const char* from = chunk.data() + begin;
    const auto* newline = static_cast<const char*>(std::memchr(from, '\n', end - begin));
    const size_t length = newline != nullptr ? size_t(newline - from) : end - begin;
    if (raw.bytes.size() + length > options.max_line_bytes && !raw.bad) {
      raw.bad = BadLine{line_number,
                        "longer than " + format_bytes(options.max_line_bytes) +
                            ", the most that a line may have (--max-line-bytes)"};
      std::string().swap(raw.bytes);
    }
    if (!raw.bad) raw.bytes.append(from, length);
    begin += length + (newline != nullptr ? 1 : 0);
    if (newline != nullptr) break;
  }
  return true;
}

bool TextReader::State::read_text(RawDocument& raw) {
  if (text_done) return false;
  text_done = true;
  raw.bytes.clear();
  raw.bad.reset();
  raw.line = 1;
  while (refill()) {
    if (raw.bytes.size() + (end - begin) > options.max_document_bytes && !raw.bad) {
      raw.bad = BadLine{1,
                        "longer than " + format_bytes(options.max_document_bytes) +
                            ", the most that a document may have (--max-document-bytes)"};
      std::string().swap(raw.bytes);
    }
    if (!raw.bad) raw.bytes.append(chunk.data() + begin, end - begin);
    begin = end;
  }
  return true;
}

TextReader::TextReader(const fs::path& path, TextReaderOptions options)
    : state_(std::make_unique<State>()) {
  if (is_parquet_input(path)) {
    state_->parquet = std::make_unique<ParquetReader>(path, options);
    state_->name = path.string();
    return;
  }
  const bool is_stdin = path == kStandardInput;
  std::error_code error;
  if (!is_stdin && !fs::exists(path, error)) throw DataError(path.string() + ": no such file");
  std::optional<TextKind> kind = is_stdin ? std::nullopt : text_kind_of(path);
  if (!kind) kind = options.kind_if_unknown;
  if (!kind && is_stdin) kind = TextKind::kJsonLines;
  if (!kind || fs::is_directory(path, error)) {
    throw DataError(path.string() +
                    ": not a text input; expected a file that ends in .txt, .md "
                    "(one document) or .jsonl (one per line), plain, .gz or .zst");
  }
  state_->name = is_stdin ? "standard input" : path.string();
  state_->kind = *kind;
  state_->source = is_stdin ? open_standard_input(options.stopped) : open_byte_source(path);
  state_->options = std::move(options);
}

TextReader::~TextReader() = default;
TextReader::TextReader(TextReader&&) noexcept = default;

bool TextReader::next_raw(RawDocument& raw) {
  raw.kind = state_->kind;
  if (state_->parquet) return state_->read_row(raw);
  if (state_->kind == TextKind::kText) return state_->read_text(raw);
  while (state_->read_line(raw)) {
    if (raw.bad || !is_blank(raw.bytes)) return true;
  }
  return false;
}

bool TextReader::next(Document& document) {
  RawDocument raw;
  if (!next_raw(raw)) return false;
  if (const auto bad = parse_document(state_->options, raw, document)) {
    throw DataError(state_->name + ":" + std::to_string(bad->line) + ": " + bad->reason);
  }
  return true;
}

TextKind TextReader::kind() const { return state_->kind; }

uint64_t TextReader::bytes_read() const {
  return state_->parquet ? state_->parquet->bytes_read() : state_->source->bytes_read();
}

}  // namespace ropewalk

#include "tokenizer/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "ropewalk/base/errors.h"
#include "tokenizer/characters.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/unicode_versions.h"

namespace ropewalk::tokenization {
namespace {

bool is_ascii(char c) { return static_cast<uint8_t>(c) < 0x80; }

int combining_class(int32_t code_point) {
  return utf8proc_get_property(code_point)->combining_class;
}

void append_utf8(int32_t code_point, std::string& out) {
  utf8proc_uint8_t bytes[4];
  const auto count = utf8proc_encode_char(code_point, bytes);
  out.append(reinterpret_cast<const char*>(bytes), count);
}

void append_decomposed(int32_t code_point, std::vector<int32_t>& points) {
  int32_t buffer[32];
  int boundary = 0;
  const auto size = utf8proc_decompose_char(code_point, buffer, 32, UTF8PROC_DECOMPOSE, &boundary);
  ROPEWALK_CHECK(size >= 0 && size <= 32, "canonical decompositions are at most 4 long");
  points.insert(points.end(), buffer, buffer + size);
}

// Canonical order: the marks between two starters by class, equal ones as they came. utf8proc's own
// ordering is quadratic in the length of such a run.
void order_marks(std::vector<int32_t>& points) {
  const auto is_mark = [](int32_t point) { return combining_class(point) != 0; };
  for (auto begin = points.begin(); begin != points.end();) {
    begin = std::find_if(begin, points.end(), is_mark);
    const auto end = std::find_if_not(begin, points.end(), is_mark);
    std::stable_sort(
        begin, end, [](int32_t a, int32_t b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
}

void compose(std::vector<int32_t>& points, std::string& out) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  order_marks(points);
  const auto size = utf8proc_normalize_utf32(
      points.data(), static_cast<utf8proc_ssize_t>(points.size()), kOptions);
  ROPEWALK_CHECK(size >= 0, "composition of checked code points cannot fail");
  for (utf8proc_ssize_t i = 0; i < size; ++i) append_utf8(points[i], out);
  points.clear();
}

void append_normalized(std::string_view text, std::vector<int32_t>& points, std::string& out) {
  points.clear();
  while (!text.empty()) {
    const CodePoint next = first_code_point(text);
    if (is_inert_in_nfc(next.value)) {
      compose(points, out);
      append_utf8(next.value, out);
    } else {
      append_decomposed(next.value, points);
    }
    text.remove_prefix(next.size);
  }
  compose(points, out);
}

}  // namespace

Normalizer::Normalizer(const Json& normalizer, Diagnostics& diagnostics) {
  add(normalizer, "normalizer", diagnostics);
}

void Normalizer::add(const Json& normalizer, const std::string& path, Diagnostics& diagnostics) {
  if (normalizer.is_null()) return;
  const std::string type = type_of(normalizer);
  if (type == "NFC") {
    nfc_ = true;
  } else if (type == "Sequence" && normalizer.contains("normalizers")) {
    size_t index = 0;
    for (const Json& part : normalizer["normalizers"]) {
      add(part, path + ".normalizers[" + std::to_string(index++) + "]", diagnostics);
    }
  } else {
    diagnostics.error(path,
                      "found the normalizer '" + type +
                          "', which is not supported; expected null, NFC or a Sequence of NFC");
  }
}

// ASCII is its own NFC, and an ASCII character never joins what stands before it: so a run that
// holds other characters is normalized with the one ASCII character before it, which its marks may
// join.
std::string_view Normalizer::apply(std::string_view text, std::string& buffer) const {
  if (!nfc_ || std::all_of(text.begin(), text.end(), is_ascii)) return text;
  buffer.clear();
  buffer.reserve(text.size());
  std::vector<int32_t> points;
  size_t done = 0;
  while (done < text.size()) {
    const size_t run = std::find_if_not(text.begin() + done, text.end(), is_ascii) - text.begin();
    const size_t begin = run < text.size() && run > done ? run - 1 : run;
    buffer.append(text.substr(done, begin - done));
    const size_t end = std::find_if(text.begin() + run, text.end(), is_ascii) - text.begin();
    append_normalized(text.substr(begin, end - begin), points, buffer);
    done = end;
  }
  return buffer;
}

}  // namespace ropewalk::tokenization

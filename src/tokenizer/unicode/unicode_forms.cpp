#include "tokenizer/unicode/unicode_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "ropewalk/base/errors.h"
#include "tokenizer/unicode/characters.h"
#include "tokenizer/unicode/unicode_versions.h"

namespace ropewalk::tokenization {
namespace {

constexpr int kMaxDecomposition = 32;  // Unicode's longest is 18

bool is_ascii(char c) { return static_cast<uint8_t>(c) < 0x80; }

int combining_class(int32_t code_point) {
  return utf8proc_get_property(code_point)->combining_class;
}

void append_decomposed(UnicodeForm form, int32_t code_point, std::vector<int32_t>& points) {
  const int options = UTF8PROC_DECOMPOSE | (form.compatibility ? UTF8PROC_COMPAT : 0);
  int32_t buffer[kMaxDecomposition];
  int boundary = 0;
  const auto size = utf8proc_decompose_char(
      code_point, buffer, kMaxDecomposition, static_cast<utf8proc_option_t>(options), &boundary);
  ROPEWALK_CHECK(size >= 0 && size <= kMaxDecomposition, "decompositions are at most 18 long");
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

// Appends the decomposed characters in their form, and empties the list.
void flush(UnicodeForm form, std::vector<int32_t>& points, std::string& out) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  order_marks(points);
  auto size = static_cast<utf8proc_ssize_t>(points.size());
  if (form.composed) size = utf8proc_normalize_utf32(points.data(), size, kOptions);
  ROPEWALK_CHECK(size >= 0, "composition of checked code points cannot fail");
  for (utf8proc_ssize_t i = 0; i < size; ++i) append_utf8(points[i], out);
  points.clear();
}

void append_run(UnicodeForm form,
                std::string_view text,
                std::vector<int32_t>& points,
                std::string& out) {
  points.clear();
  while (!text.empty()) {
    const CodePoint next = first_code_point(text);
    if (is_inert(next.value) || (form.compatibility && is_inert_in_nfkc(next.value))) {
      flush(form, points, out);
      append_utf8(next.value, out);
    } else {
      append_decomposed(form, next.value, points);
    }
    text.remove_prefix(next.size);
  }
  flush(form, points, out);
}

}  // namespace

void append_utf8(int32_t code_point, std::string& out) {
  utf8proc_uint8_t bytes[4];
  const auto count = utf8proc_encode_char(code_point, bytes);
  out.append(reinterpret_cast<const char*>(bytes), count);
}

// ASCII is its own form, and an ASCII character never joins what stands before it: so a run that
// holds other characters is normalized with the one ASCII character before it, which its marks may
// join.
void append_form(UnicodeForm form, std::string_view text, std::string& out) {
  std::vector<int32_t> points;
  size_t done = 0;
  while (done < text.size()) {
    const size_t run = std::find_if_not(text.begin() + done, text.end(), is_ascii) - text.begin();
    const size_t begin = run < text.size() && run > done ? run - 1 : run;
    out.append(text.substr(done, begin - done));
    const size_t end = std::find_if(text.begin() + run, text.end(), is_ascii) - text.begin();
    append_run(form, text.substr(begin, end - begin), points, out);
    done = end;
  }
}

}  // namespace ropewalk::tokenization

#include "tokenizer/pipeline/normalizer.h"

#include <algorithm>
#include <map>

#include "tokenizer/files/json_fields.h"
#include "tokenizer/unicode/characters.h"

namespace ropewalk::tokenization {
namespace {

constexpr int32_t kCapitalIWithDot = 0x130;

bool is_ascii(char c) { return static_cast<uint8_t>(c) < 0x80; }

std::optional<UnicodeForm> form_of(const std::string& type) {
  static const std::map<std::string, UnicodeForm> forms = {{"NFC", {false, true}},
                                                           {"NFD", {false, false}},
                                                           {"NFKC", {true, true}},
                                                           {"NFKD", {true, false}}};
  const auto found = forms.find(type);
  return found == forms.end() ? std::nullopt : std::optional(found->second);
}

TextPiece to_form(UnicodeForm form, TextPiece piece, std::string& out) {
  if (std::all_of(piece.text.begin(), piece.text.end(), is_ascii)) return piece;
  out.clear();
  append_form(form, piece.text.substr(0, piece.at_start), out);
  const size_t at_start = out.size();
  out.clear();
  out.reserve(piece.text.size());
  append_form(form, piece.text, out);
  return {out, std::min(at_start, out.size())};
}

// Rewrites character by character; change(code_point, out) appends what becomes of one.
template <typename Change>
TextPiece rewrite(TextPiece piece, std::string& out, Change&& change) {
  out.clear();
  out.reserve(piece.text.size());
  size_t at_start = 0;
  for (size_t at = 0; at < piece.text.size();) {
    const CodePoint next = first_code_point(piece.text.substr(at));
    change(next.value, out);
    at += next.size;
    if (at <= piece.at_start) at_start = out.size();
  }
  return {out, at_start};
}

// Letter by letter, without regard to what stands around it (no final sigma).
void append_small(int32_t code_point, std::string& out) {
  if (code_point < 0x80) {
    out.push_back(static_cast<char>(small_letter(code_point)));
  } else if (code_point == kCapitalIWithDot) {
    out += "i\u0307";
  } else {
    append_utf8(small_letter(code_point), out);
  }
}

void append_without_accent(int32_t code_point, std::string& out) {
  if (!is_accent(code_point)) append_utf8(code_point, out);
}

TextPiece strip(TextPiece piece, bool left, bool right) {
  const size_t begin = left ? leading_space(piece.text) : 0;
  const size_t space = right ? trailing_space(piece.text.substr(begin)) : 0;
  return piece.part(begin, piece.text.size() - space);
}

}  // namespace

Normalizer::Normalizer(const Json& normalizer, Diagnostics& diagnostics) {
  add(normalizer, "normalizer", diagnostics);
}

void Normalizer::add(const Json& normalizer, const std::string& path, Diagnostics& diagnostics) {
  if (normalizer.is_null()) return;
  const std::string type = type_of(normalizer);
  if (const auto form = form_of(type)) {
    steps_.push_back({Step::Kind::kForm, *form, {}, {}});
  } else if (type == "Lowercase") {
    steps_.push_back({Step::Kind::kLowercase, {}, {}, {}});
  } else if (type == "StripAccents") {
    steps_.push_back({Step::Kind::kStripAccents, {}, {}, {}});
  } else if (type == "Replace") {
    add_replace(normalizer, path, diagnostics);
  } else if (type == "Prepend") {
    const auto text = text_field(normalizer, "prepend", path, diagnostics);
    if (text) steps_.push_back({Step::Kind::kPrepend, {}, {}, *text});
  } else if (type == "Strip") {
    add_strip(normalizer, path, diagnostics);
  } else if (type == "Sequence" && normalizer.contains("normalizers")) {
    size_t index = 0;
    for (const Json& part : normalizer["normalizers"]) {
      add(part, path + ".normalizers[" + std::to_string(index++) + "]", diagnostics);
    }
  } else {
    diagnostics.error(path,
                      "found the normalizer '" + type +
                          "', which is not supported; expected null, NFC, NFD, NFKC, NFKD, "
                          "Lowercase, StripAccents, Replace, Prepend, Strip or a Sequence of them");
  }
}

void Normalizer::add_replace(const Json& replace,
                             const std::string& path,
                             Diagnostics& diagnostics) {
  auto pattern = read_pattern(replace, path, diagnostics);
  const auto content = text_field(replace, "content", path, diagnostics);
  if (!pattern || !content) return;
  steps_.push_back({Step::Kind::kReplace, {}, std::move(pattern), *content});
}

void Normalizer::add_strip(const Json& strip, const std::string& path, Diagnostics& diagnostics) {
  const auto left = flag_field(strip, "strip_left", path, diagnostics);
  const auto right = flag_field(strip, "strip_right", path, diagnostics);
  if (left && right) steps_.push_back({Step::Kind::kStrip, {}, {}, {}, *left, *right});
}

TextPiece Normalizer::run(const Step& step, TextPiece piece, RewriteScratch& scratch) {
  switch (step.kind) {
    case Step::Kind::kForm:
      return to_form(step.form, piece, scratch.out);
    case Step::Kind::kLowercase:
      return rewrite(piece, scratch.out, append_small);
    case Step::Kind::kStripAccents:
      return rewrite(piece, scratch.out, append_without_accent);
    case Step::Kind::kReplace:
      return replace_matches(*step.pattern, step.text, piece, scratch);
    case Step::Kind::kStrip:
      return strip(piece, step.strip_left, step.strip_right);
    case Step::Kind::kPrepend:
      break;
  }
  if (piece.text.empty()) return piece;
  scratch.out.assign(step.text).append(piece.text);
  return {scratch.out, piece.at_start > 0 ? piece.at_start + step.text.size() : 0};
}

TextPiece Normalizer::apply(TextPiece piece, NormalizerScratch& scratch) const {
  scratch.rewrite.max_bytes = max_rewritten_bytes(piece.text.size());
  for (const Step& step : steps_) {
    piece = run(step, piece, scratch.rewrite);
    check_rewritten_bytes(piece.text.size(), scratch.rewrite.max_bytes);
    // The next step writes into the other buffer, so that it may read this one.
    if (piece.text.data() == scratch.rewrite.out.data()) {
      std::swap(scratch.rewrite.out, scratch.text);
      piece.text = scratch.text;
    }
  }
  return piece;
}

}  // namespace ropewalk::tokenization

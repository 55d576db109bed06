#include "tokenizer/pipeline/metaspace.h"

#include "tokenizer/files/json_fields.h"

namespace ropewalk::tokenization {
namespace {

std::optional<Metaspace::Prepend> read_scheme(const Json& object,
                                              const std::string& path,
                                              Diagnostics& diagnostics) {
  const bool never = !flag(object, "add_prefix_space", true);
  const Json& scheme = member(object, "prepend_scheme");
  if (scheme.is_null()) return never ? Metaspace::Prepend::kNever : Metaspace::Prepend::kAlways;
  if (scheme == "never") return Metaspace::Prepend::kNever;
  if (scheme != "first" && scheme != "always") {
    diagnostics.error(path + ".prepend_scheme",
                      "found " + scheme.dump() + "; expected first, always or never");
    return std::nullopt;
  }
  if (never) {
    diagnostics.error(path + ".add_prefix_space",
                      "found false beside prepend_scheme " + scheme.dump() +
                          ", which contradict each other; expected only one of them");
    return std::nullopt;
  }
  return scheme == "first" ? Metaspace::Prepend::kFirst : Metaspace::Prepend::kAlways;
}

}  // namespace

std::optional<Metaspace> read_metaspace(const Json& object,
                                        const std::string& path,
                                        Diagnostics& diagnostics) {
  const auto replacement = character_field(object, "replacement", path, diagnostics);
  const auto scheme = read_scheme(object, path, diagnostics);
  if (!replacement || !scheme) return std::nullopt;
  return Metaspace{*replacement, *scheme, flag(object, "split", true)};
}

TextPiece write_spaces(const Metaspace& metaspace, TextPiece piece, std::string& out) {
  const std::string& replacement = metaspace.replacement;
  out.clear();
  const bool has_one = piece.text.starts_with(' ') || piece.text.starts_with(replacement);
  const bool wants_one = metaspace.prepend == Metaspace::Prepend::kAlways ||
                         (metaspace.prepend == Metaspace::Prepend::kFirst && piece.at_start > 0);
  if (wants_one && !has_one) out = replacement;
  size_t at_start = 0;
  if (piece.at_start > 0) {
    const auto begin = piece.text.begin();
    const size_t spaces = std::count(begin, begin + piece.at_start, ' ');
    at_start = out.size() + piece.at_start + spaces * (replacement.size() - 1);
  }
  for (size_t done = 0; done < piece.text.size();) {
    const size_t space = std::min(piece.text.find(' ', done), piece.text.size());
    out.append(piece.text.substr(done, space - done));
    if (space < piece.text.size()) out.append(replacement);
    done = space + 1;
  }
  return {out, at_start};
}

}  // namespace ropewalk::tokenization

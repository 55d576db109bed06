#include "tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <optional>

#include "ropewalk/base/errors.h"
#include "tokenizer/characters.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/pattern.h"

namespace ropewalk::tokenization {
namespace {

// What `ByteLevel` cuts with when use_regex is on: the pattern of GPT-2.
constexpr const char* kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

std::optional<SplitBehavior> behavior_of(const std::string& name) {
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  return std::nullopt;
}

bool find_number(std::string_view text, size_t from, Match& match) {
  while (from < text.size()) {
    const CodePoint next = first_code_point(text.substr(from));
    if (is_number(next.value)) {
      match = {from, from + next.size};
      return true;
    }
    from += next.size;
  }
  return false;
}

// Joins neighbours in place. Whether a piece joins the one before it depends on both; with
// kMergedWithNext the list is walked from its end.
void join_pieces(SplitBehavior behavior, std::vector<Piece>& pieces) {
  const bool backwards = behavior == SplitBehavior::kMergedWithNext;
  if (backwards) std::reverse(pieces.begin(), pieces.end());
  size_t size = 0;
  bool previous_matched = false;
  for (const Piece piece : pieces) {
    const bool joins = behavior == SplitBehavior::kContiguous ? piece.matched == previous_matched
                                                              : piece.matched && !previous_matched;
    previous_matched = piece.matched;
    if (joins && size > 0) {
      pieces[size - 1].begin = std::min(pieces[size - 1].begin, piece.begin);
      pieces[size - 1].end = std::max(pieces[size - 1].end, piece.end);
    } else {
      pieces[size++] = piece;
    }
  }
  pieces.resize(size);
  if (backwards) std::reverse(pieces.begin(), pieces.end());
}

}  // namespace

size_t PreTokenizer::after(std::string_view text, size_t position) {
  if (position >= text.size()) return position + 1;
  return position + first_code_point(text.substr(position)).size;
}

bool PreTokenizer::find(const Step& step,
                        std::string_view text,
                        size_t from,
                        PreTokenizerScratch& scratch,
                        Match& match) {
  if (step.kind == Step::Kind::kDigits) return find_number(text, from, match);
  return step.regex.front().find(text, from, scratch.match, match);
}

void PreTokenizer::collect(size_t index,
                           std::string_view text,
                           PreTokenizerScratch& scratch) const {
  const Step& step = steps_[index];
  std::vector<Piece>& pieces = scratch.pieces[index];
  pieces.clear();
  size_t done = 0;
  Match match;
  for (size_t from = 0; from <= text.size() && find(step, text, from, scratch, match);) {
    if (match.begin > done) pieces.push_back({done, match.begin, false});
    pieces.push_back({match.begin, match.end, true});
    done = match.end;
    from = match.end > match.begin ? match.end : after(text, match.end);
  }
  if (done < text.size()) pieces.push_back({done, text.size(), false});
  if (step.invert) {
    for (Piece& piece : pieces) piece.matched = !piece.matched;
  }
  if (step.behavior == SplitBehavior::kRemoved) {
    std::erase_if(pieces, [](const Piece& piece) { return piece.matched; });
  } else {
    join_pieces(step.behavior, pieces);
  }
}

PreTokenizer::PreTokenizer(const Json& pre_tokenizer, Diagnostics& diagnostics) {
  add(pre_tokenizer, "pre_tokenizer", diagnostics);
  if (diagnostics.ok() && !byte_level_) {
    diagnostics.error("pre_tokenizer",
                      "found no ByteLevel; expected byte-level BPE, the one kind supported");
  }
}

void PreTokenizer::add(const Json& pre_tokenizer,
                       const std::string& path,
                       Diagnostics& diagnostics) {
  if (pre_tokenizer.is_null()) return;
  const std::string type = type_of(pre_tokenizer);
  if (byte_level_) {
    diagnostics.error(path, "found '" + type + "' after ByteLevel; expected ByteLevel last");
  } else if (type == "Sequence" && pre_tokenizer.contains("pretokenizers")) {
    size_t index = 0;
    for (const Json& part : pre_tokenizer["pretokenizers"]) {
      add(part, path + ".pretokenizers[" + std::to_string(index++) + "]", diagnostics);
    }
  } else if (type == "ByteLevel") {
    add_byte_level(pre_tokenizer, path, diagnostics);
  } else if (type == "Split") {
    add_split(pre_tokenizer, path, diagnostics);
  } else if (type == "Digits") {
    Step step{Step::Kind::kDigits, {}};
    const bool each = flag(pre_tokenizer, "individual_digits", false);
    step.behavior = each ? SplitBehavior::kIsolated : SplitBehavior::kContiguous;
    steps_.push_back(std::move(step));
  } else {
    diagnostics.error(path,
                      "found the pre-tokenizer '" + type +
                          "', which is not supported; expected ByteLevel, Split, Digits or a "
                          "Sequence of them");
  }
}

void PreTokenizer::add_byte_level(const Json& byte_level,
                                  const std::string& path,
                                  Diagnostics& diagnostics) {
  byte_level_ = true;
  // Older files leave use_regex out, and mean true; add_prefix_space is always written.
  if (flag(byte_level, "add_prefix_space", true)) {
    steps_.push_back({Step::Kind::kPrefixSpace, {}});
  }
  if (flag(byte_level, "use_regex", true)) {
    Step step{Step::Kind::kPattern, {}};
    step.regex.emplace_back(pcre2_pattern(kByteLevelPattern));
    steps_.push_back(std::move(step));
  }
}

void PreTokenizer::add_split(const Json& split, const std::string& path, Diagnostics& diagnostics) {
  Step step{Step::Kind::kPattern, {}};
  step.invert = flag(split, "invert", false);
  const Json& behavior = member(split, "behavior");
  if (const auto known = behavior_of(behavior.is_string() ? behavior.get<std::string>() : "")) {
    step.behavior = *known;
  } else {
    diagnostics.error(path + ".behavior",
                      "found " + behavior.dump() +
                          "; expected Isolated, Removed, MergedWithPrevious, MergedWithNext or "
                          "Contiguous");
  }
  const Json& pattern = member(split, "pattern");
  const Json& regex = member(pattern, "Regex");
  const Json& text = member(pattern, "String");
  try {
    if (regex.is_string()) {
      step.regex.emplace_back(pcre2_pattern(regex.get<std::string>()));
    } else if (text.is_string()) {
      step.regex.push_back(Regex::literal(text.get<std::string>()));
    } else {
      diagnostics.error(
          path + ".pattern",
          "found " + pattern.dump() + "; expected {\"Regex\": ...} or {\"String\": ...}");
      return;
    }
  } catch (const DataError& error) {
    diagnostics.error(path + ".pattern", error.what());
    return;
  }
  steps_.push_back(std::move(step));
}

}  // namespace ropewalk::tokenization

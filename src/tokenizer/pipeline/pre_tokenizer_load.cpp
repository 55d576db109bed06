// Reading a PreTokenizer out of tokenizer.json.
#include "tokenizer/files/json_fields.h"
#include "tokenizer/pipeline/pattern.h"
#include "tokenizer/pipeline/pre_tokenizer.h"
#include "tokenizer/unicode/characters.h"

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

std::optional<SplitBehavior> read_behavior(const Json& object,
                                           const std::string& path,
                                           Diagnostics& diagnostics) {
  const Json& behavior = member(object, "behavior");
  const auto known = behavior_of(behavior.is_string() ? behavior.get<std::string>() : "");
  if (!known) {
    diagnostics.error(path + ".behavior",
                      "found " + behavior.dump() +
                          "; expected Isolated, Removed, MergedWithPrevious, MergedWithNext or "
                          "Contiguous");
  }
  return known;
}

}  // namespace

PreTokenizer::PreTokenizer(const Json& pre_tokenizer, Diagnostics& diagnostics) {
  add(pre_tokenizer, "pre_tokenizer", diagnostics);
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
    add_byte_level(pre_tokenizer);
  } else if (type == "Split") {
    add_split(pre_tokenizer, path, diagnostics);
  } else if (!add_simple(pre_tokenizer, path, diagnostics)) {
    diagnostics.error(path,
                      "found the pre-tokenizer '" + type +
                          "', which is not supported; expected ByteLevel, Split, Digits, "
                          "Metaspace, Punctuation, Whitespace, WhitespaceSplit, "
                          "CharDelimiterSplit or a Sequence of them");
  }
}

bool PreTokenizer::add_simple(const Json& pre_tokenizer,
                              const std::string& path,
                              Diagnostics& diagnostics) {
  const std::string type = type_of(pre_tokenizer);
  if (type == "Digits") {
    const bool each = flag(pre_tokenizer, "individual_digits", false);
    add_characters(is_number, each ? SplitBehavior::kIsolated : SplitBehavior::kContiguous);
  } else if (type == "Metaspace") {
    const auto metaspace = read_metaspace(pre_tokenizer, path, diagnostics);
    if (metaspace) steps_.push_back({.kind = Step::Kind::kMetaspace, .metaspace = metaspace});
  } else if (type == "Punctuation") {
    // Files of the first versions name no behaviour.
    const bool plain = member(pre_tokenizer, "behavior").is_null();
    const auto behavior = plain ? std::optional(SplitBehavior::kIsolated)
                                : read_behavior(pre_tokenizer, path, diagnostics);
    if (behavior) add_characters(is_punctuation, *behavior);
  } else if (type == "Whitespace") {
    add_whitespace();
  } else if (type == "WhitespaceSplit") {
    add_characters(is_white_space, SplitBehavior::kRemoved);
  } else if (type == "CharDelimiterSplit") {
    const auto delimiter = character_field(pre_tokenizer, "delimiter", path, diagnostics);
    if (delimiter) {
      steps_.push_back({.kind = Step::Kind::kPattern,
                        .behavior = SplitBehavior::kRemoved,
                        .pattern = TextPattern(*delimiter)});
    }
  } else {
    return false;
  }
  return true;
}

void PreTokenizer::add_characters(bool (*matches)(int32_t), SplitBehavior behavior) {
  steps_.push_back({.kind = Step::Kind::kCharacters, .behavior = behavior, .matches = matches});
}

// Runs of word characters and runs of others, without the space between.
void PreTokenizer::add_whitespace() {
  const std::string word = word_class();
  const std::string others = "[^\\p{White_Space}" + word + "]";
  steps_.push_back({.kind = Step::Kind::kPattern,
                    .behavior = SplitBehavior::kRemoved,
                    .invert = true,
                    .pattern = TextPattern(Regex("[" + word + "]+|" + others + "+"))});
}

void PreTokenizer::add_byte_level(const Json& byte_level) {
  byte_level_ = true;
  // Older files leave use_regex out, and mean true; add_prefix_space is always written.
  if (flag(byte_level, "add_prefix_space", true)) {
    steps_.push_back({.kind = Step::Kind::kPrefixSpace});
  }
  if (flag(byte_level, "use_regex", true)) {
    steps_.push_back({.kind = Step::Kind::kPattern,
                      .pattern = TextPattern(Regex(pcre2_pattern(kByteLevelPattern)))});
  }
}

void PreTokenizer::add_split(const Json& split, const std::string& path, Diagnostics& diagnostics) {
  const auto behavior = read_behavior(split, path, diagnostics);
  auto pattern = read_pattern(split, path, diagnostics);
  if (!behavior || !pattern) return;
  steps_.push_back({.kind = Step::Kind::kPattern,
                    .behavior = *behavior,
                    .invert = flag(split, "invert", false),
                    .pattern = std::move(pattern)});
}

}  // namespace ropewalk::tokenization

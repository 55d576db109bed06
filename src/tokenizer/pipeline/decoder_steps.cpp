#include "tokenizer/pipeline/decoder_steps.h"

#include <algorithm>

#include "ropewalk/base/utf8.h"
#include "tokenizer/bpe/byte_alphabet.h"
#include "tokenizer/files/json_fields.h"
#include "tokenizer/pipeline/decoder.h"

namespace ropewalk::tokenization {
namespace {

using Tokens = std::vector<std::string>;

std::string join(const Tokens& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

void decode_byte_level(Tokens& tokens) {
  std::string bytes;
  for (const std::string& token : tokens) bytes += bytes_of_symbols(token).value_or(token);
  tokens.assign(1, replace_invalid_utf8(bytes));
}

void decode_replaced(const TextPattern& pattern,
                     const std::string& content,
                     Tokens& tokens,
                     RewriteScratch& scratch) {
  size_t num_bytes = 0;
  for (std::string& token : tokens) {
    token = replace_matches(pattern, content, {token}, scratch).text;
    num_bytes += token.size();
    check_rewritten_bytes(num_bytes, scratch.max_bytes);
  }
}

// In the first token every replacement is taken out, not only the one in front.
void decode_metaspace(const Metaspace& metaspace, Tokens& tokens, RewriteScratch& scratch) {
  const TextPattern replacement(metaspace.replacement);
  const bool prepended = metaspace.prepend != Metaspace::Prepend::kNever;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const std::string space = i == 0 && prepended ? "" : " ";
    tokens[i] = replace_matches(replacement, space, {tokens[i]}, scratch).text;
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = static_cast<char>(c | 0x20);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

// The byte that "<0x0A>" stands for. A plus in place of the first digit is read, too.
std::optional<char> byte_of(const std::string& token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  const int high = token[3] == '+' ? 0 : hex_digit(token[3]);
  const int low = hex_digit(token[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high << 4 | low);
}

// Bytes in a row are text where all of them together are UTF-8, else one U+FFFD each.
void decode_bytes(Tokens& tokens) {
  Tokens result;
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    if (first_invalid_utf8(bytes) == bytes.size()) {
      result.push_back(bytes);
    } else {
      result.insert(result.end(), bytes.size(), "\uFFFD");
    }
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const auto byte = byte_of(token)) {
      bytes.push_back(*byte);
    } else {
      flush();
      result.push_back(std::move(token));
    }
  }
  flush();
  tokens = std::move(result);
}

void strip(const std::string& character, size_t num_left, size_t num_right, std::string& token) {
  std::string_view rest = token;
  for (size_t i = 0; i < num_left && rest.starts_with(character); ++i) {
    rest.remove_prefix(character.size());
  }
  for (size_t i = 0; i < num_right && rest.ends_with(character); ++i) {
    rest.remove_suffix(character.size());
  }
  token = std::string(rest);
}

}  // namespace

DecoderSteps::DecoderSteps(const Json& decoder, Diagnostics& diagnostics)
    : given_(!decoder.is_null()) {
  add(decoder, "decoder", diagnostics);
}

bool DecoderSteps::only_byte_level() const {
  return steps_.size() == 1 && steps_.front().kind == Step::Kind::kByteLevel;
}

void DecoderSteps::add(const Json& decoder, const std::string& path, Diagnostics& diagnostics) {
  if (decoder.is_null()) return;
  const std::string type = type_of(decoder);
  if (type == "ByteLevel") {
    steps_.push_back({.kind = Step::Kind::kByteLevel});
  } else if (type == "ByteFallback") {
    steps_.push_back({.kind = Step::Kind::kByteFallback});
  } else if (type == "Fuse") {
    steps_.push_back({.kind = Step::Kind::kFuse});
  } else if (type == "Metaspace") {
    const auto metaspace = read_metaspace(decoder, path, diagnostics);
    if (metaspace) steps_.push_back({.kind = Step::Kind::kMetaspace, .metaspace = metaspace});
  } else if (type == "Replace") {
    add_replace(decoder, path, diagnostics);
  } else if (type == "Strip") {
    add_strip(decoder, path, diagnostics);
  } else if (type == "Sequence" && decoder.contains("decoders")) {
    size_t index = 0;
    for (const Json& part : decoder["decoders"]) {
      add(part, path + ".decoders[" + std::to_string(index++) + "]", diagnostics);
    }
  } else {
    diagnostics.error(path,
                      "found the decoder '" + type +
                          "', which is not supported; expected null, ByteLevel, Metaspace, "
                          "ByteFallback, Fuse, Replace, Strip or a Sequence of them");
  }
}

void DecoderSteps::add_replace(const Json& replace,
                               const std::string& path,
                               Diagnostics& diagnostics) {
  auto pattern = read_pattern(replace, path, diagnostics);
  const auto content = text_field(replace, "content", path, diagnostics);
  if (!pattern || !content) return;
  steps_.push_back({.kind = Step::Kind::kReplace, .pattern = std::move(pattern), .text = *content});
}

void DecoderSteps::add_strip(const Json& strip, const std::string& path, Diagnostics& diagnostics) {
  const auto character = character_field(strip, "content", path, diagnostics);
  const auto count = [&](const char* key) -> std::optional<size_t> {
    const Json& value = member(strip, key);
    if (value.is_number_integer() && value.get<int64_t>() >= 0) return value.get<size_t>();
    diagnostics.error(path + "." + key, "found " + value.dump() + "; expected a count");
    return std::nullopt;
  };
  const auto left = count("start");
  const auto right = count("stop");
  if (!character || !left || !right) return;
  steps_.push_back(
      {.kind = Step::Kind::kStrip, .text = *character, .num_left = *left, .num_right = *right});
}

void DecoderSteps::run(const Step& step, Tokens& tokens, RewriteScratch& scratch) {
  switch (step.kind) {
    case Step::Kind::kByteLevel:
      return decode_byte_level(tokens);
    case Step::Kind::kMetaspace:
      return decode_metaspace(*step.metaspace, tokens, scratch);
    case Step::Kind::kByteFallback:
      return decode_bytes(tokens);
    case Step::Kind::kFuse:
      return tokens.assign(1, join(tokens));
    case Step::Kind::kReplace:
      return decode_replaced(*step.pattern, step.text, tokens, scratch);
    case Step::Kind::kStrip:
      for (std::string& token : tokens) strip(step.text, step.num_left, step.num_right, token);
      return;
  }
}

std::string DecoderSteps::decode(Tokens tokens) const {
  RewriteScratch scratch;
  size_t num_bytes = 0;
  for (const std::string& token : tokens) num_bytes += token.size();
  scratch.max_bytes = max_rewritten_bytes(num_bytes);
  for (const Step& step : steps_) run(step, tokens, scratch);
  return join(tokens);
}

}  // namespace ropewalk::tokenization

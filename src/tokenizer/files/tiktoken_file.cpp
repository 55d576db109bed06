#include "tokenizer/files/tiktoken_file.h"

#include <algorithm>
#include <charconv>

#include "ropewalk/base/errors.h"
#include "tokenizer/bpe/byte_alphabet.h"
#include "tokenizer/bpe/id_merges.h"
#include "tokenizer/files/llama_tokens.h"

namespace ropewalk::tokenization {
namespace {

constexpr size_t kMaxListed = 5;

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// Nothing when the text is no padded base64 (RFC 4648, section 4).
std::optional<std::string> base64_bytes(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::string bytes;
  uint32_t bits = 0;
  int num_bits = 0;
  for (const char c : text.substr(0, text.size() - padding)) {
    const int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    num_bits += 6;
    if (num_bits < 8) continue;
    num_bits -= 8;
    bytes.push_back(static_cast<char>(bits >> num_bits & 0xFF));
  }
  return bytes;
}

struct Line {
  std::string bytes;
  int64_t rank;
};

std::optional<Line> parse_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  std::optional<std::string> bytes = base64_bytes(line.substr(0, space));
  const std::string_view digits = line.substr(space + 1);
  int64_t rank = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
  if (!bytes || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return Line{std::move(*bytes), rank};
}

class Reader {
 public:
  // The tokens in the order of their ranks.
  const std::vector<std::string>& read(std::string_view text, Diagnostics& diagnostics) {
    for (size_t number = 1; !text.empty(); ++number) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.empty() && text.empty()) break;
      if (const std::string fault = add(line); !fault.empty() && ++num_bad_ <= kMaxListed) {
        diagnostics.error("line " + std::to_string(number), fault);
      }
    }
    if (num_bad_ > kMaxListed) {
      diagnostics.error("lines", std::to_string(num_bad_ - kMaxListed) + " more such faults");
    }
    return tokens_;
  }

 private:
  std::string add(std::string_view text) {
    const std::optional<Line> line = parse_line(text);
    const std::string number = std::to_string(tokens_.size());
    if (!line) {
      tokens_.emplace_back();
      return "found '" + std::string(text.substr(0, 40)) +
             "'; expected a token in base64, a space and its rank, " + number;
    }
    tokens_.push_back(line->bytes);
    if (line->rank != static_cast<int64_t>(tokens_.size()) - 1) {
      return "found the rank " + std::to_string(line->rank) + "; expected " + number +
             ": ranks are ids and follow each other";
    }
    return "";
  }

  std::vector<std::string> tokens_;
  size_t num_bad_ = 0;
};

// Tokens that are there twice are found by the codec.
void check_bytes(const std::vector<std::string>& tokens, Diagnostics& diagnostics) {
  const auto is_byte = [](const std::string& token) { return token.size() == 1; };
  const auto num_bytes = std::count_if(tokens.begin(), tokens.end(), is_byte);
  if (num_bytes == 256) return;
  diagnostics.error("tokens",
                    std::to_string(num_bytes) +
                        " of them are single bytes; expected all 256, so that any text has ids");
}

std::string symbols_of(std::string_view bytes) {
  std::string symbols;
  for (const char c : bytes) symbols += symbol_of_byte(static_cast<uint8_t>(c));
  return symbols;
}

std::vector<IdMerge> merges_of(const std::vector<std::string>& tokens) {
  TokenIds ids = room_for_tokens(tokens.size());
  for (const std::string& token : tokens) ids.emplace(token, static_cast<int32_t>(ids.size()));
  return merges_within(ids, [](int32_t id) { return static_cast<uint32_t>(id); });
}

// The same tokenizer as a tokenizer.json would say it.
TokenizerFile make_file(const std::vector<std::string>& tokens, const LlamaTokens& llama) {
  TokenizerFile file;
  const Json split = {{"type", "Split"},
                      {"pattern", {{"Regex", llama.pattern}}},
                      {"behavior", "Isolated"},
                      {"invert", false}};
  const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  file.root = {
      {"model", {{"type", "BPE"}, {"ignore_merges", true}}},
      {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", Json::array({split, bytes})}}},
      {"decoder", {{"type", "ByteLevel"}}}};
  for (const std::string& token : tokens) {
    file.vocab.emplace_back(symbols_of(token), static_cast<int64_t>(file.vocab.size()));
  }
  file.id_merges = merges_of(tokens);
  for (const std::string& content : llama.special) {
    AddedToken token;
    token.id = static_cast<int32_t>(tokens.size() + file.added_tokens.size());
    token.content = content;
    token.special = true;
    file.added_tokens.push_back(token);
  }
  return file;
}

}  // namespace

bool is_tiktoken_file(std::string_view text) {
  return parse_line(text.substr(0, text.find('\n'))).has_value();
}

LoadedCodec load_tiktoken_codec(std::string_view text, const std::string& source) {
  Diagnostics diagnostics;
  Reader reader;
  const std::vector<std::string>& tokens = reader.read(text, diagnostics);
  diagnostics.throw_if_errors<DataError>(source);
  const LlamaTokens* llama = find_llama_tokens(tokens.size());
  if (llama == nullptr) {
    throw DataError(
        source + ": " + std::to_string(tokens.size()) +
        " tokens in tiktoken's form; expected Llama 3's 128000 or Llama 4's 200000: "
        "such a file names neither its split pattern nor its special tokens, which are "
        "known for those two. Use the checkpoint's tokenizer.json, or convert it to one");
  }
  check_bytes(tokens, diagnostics);
  LoadedCodec loaded = make_pipeline_codec(make_file(tokens, *llama), diagnostics);
  diagnostics.throw_if_errors<DataError>(source);
  loaded.bos_id = static_cast<int32_t>(tokens.size());
  loaded.eos_id = *loaded.bos_id + 1;
  // As Meta's own code puts it before every prompt.
  loaded.text_template.before = {*loaded.bos_id};
  return loaded;
}

}  // namespace ropewalk::tokenization

#include "tokenizer/pipeline/pattern.h"

#include <cctype>
#include <map>

#include "ropewalk/base/errors.h"

namespace ropewalk::tokenization {
namespace {

// Oniguruma's Unicode meaning of \w and \s. PCRE2's own \w lacks marks and connectors, and its \s
// has U+180E.
constexpr const char* kWord = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
constexpr const char* kSpace = "\\p{White_Space}";
constexpr const char* kNotSpace = "\\P{White_Space}";

const std::map<std::string, std::string>& category_names() {
  static const std::map<std::string, std::string> names = {{"Letter", "L"},
                                                           {"Mark", "M"},
                                                           {"Number", "N"},
                                                           {"Punctuation", "P"},
                                                           {"Symbol", "S"},
                                                           {"Separator", "Z"},
                                                           {"Uppercase_Letter", "Lu"},
                                                           {"Lowercase_Letter", "Ll"},
                                                           {"Decimal_Number", "Nd"},
                                                           {"Alphabetic", "Alphabetic"},
                                                           {"White_Space", "White_Space"}};
  return names;
}

class Translator {
 public:
  explicit Translator(std::string_view in) : in_(in) {}

  std::string run() {
    while (at_ < in_.size()) {
      const char c = in_[at_];
      if (c == '\\') {
        escape();
      } else if (class_depth_ > 0) {
        in_class(c);
      } else {
        outside(c);
      }
    }
    return out_;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw DataError("pattern " + std::string(in_) + ": " + what +
                    " is not supported; use the tokenizer's own library to tokenize, or a pattern "
                    "without it");
  }

  void copy(size_t count) {
    out_ += in_.substr(at_, count);
    at_ += count;
  }

  void outside(char c) {
    if (c == '[') {
      class_depth_ = 1;
      copy(in_.substr(at_, 2) == "[^" ? 2 : 1);
      if (at_ < in_.size() && in_[at_] == ']') refuse("']' as the first character of a class");
      return;
    }
    if (c == '(' && in_.substr(at_, 2) == "(?") group();
    if (c == '}' && in_.substr(at_, 2) == "}+") refuse("'+' after an interval");
    copy(1);
  }

  void in_class(char c) {
    if (c == '[') refuse("a class within a class");
    if (in_.substr(at_, 2) == "&&") refuse("'&&' in a class");
    if (c == ']') class_depth_ = 0;
    copy(1);
  }

  void group() const {
    for (const char* known : {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?>"}) {
      if (in_.substr(at_).starts_with(known)) return;
    }
    // Elsewhere an isolated option reaches over alternatives in Ruby, but not in PCRE2.
    if (at_ == 0 && in_.starts_with("(?i)")) return;
    refuse("the group '" + std::string(in_.substr(at_, 4)) + "'");
  }

  void escape() {
    if (at_ + 1 >= in_.size()) refuse("a backslash at the end");
    const char c = in_[at_ + 1];
    const std::string word = kWord;
    if (c == 's') return replace(kSpace);
    if (c == 'S') return replace(kNotSpace);
    if (c == 'w') return replace(class_depth_ > 0 ? word : "[" + word + "]");
    if (c == 'W' && class_depth_ == 0) return replace("[^" + word + "]");
    if (c == 'p' || c == 'P') return property();
    if (c == 'u') return code_point();
    const bool plain = c == 'd' || c == 'D' || c == 'r' || c == 'n' || c == 't' || c == 'f' ||
                       c == 'x' || std::ispunct(static_cast<unsigned char>(c));
    if (!plain) refuse("the escape '\\" + std::string(1, c) + "'");
    copy(2);
  }

  void replace(const std::string& text) {
    out_ += text;
    at_ += 2;
  }

  void code_point() {
    const std::string_view digits = in_.substr(at_ + 2, 4);
    if (digits.size() < 4) refuse("'\\u' without four digits");
    out_ += "\\x{" + std::string(digits) + "}";
    at_ += 6;
  }

  void property() {
    const size_t end = in_.find('}', at_);
    if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{' || end == std::string_view::npos) {
      refuse("a property without braces");
    }
    std::string name(in_.substr(at_ + 3, end - at_ - 3));
    std::string negation;
    if (name.starts_with('^')) {
      negation = "^";
      name.erase(0, 1);
    }
    const auto known = category_names().find(name);
    if (known != category_names().end()) {
      name = known->second;
    } else if (name.size() > 2) {
      // A script: PCRE2 would take its extensions too.
      name = "sc:" + name;
    }
    out_ += in_.substr(at_, 2);
    out_ += "{" + negation + name + "}";
    at_ = end + 1;
  }

  std::string_view in_;
  size_t at_ = 0;
  int class_depth_ = 0;
  std::string out_;
};

}  // namespace

std::string pcre2_pattern(std::string_view oniguruma) { return Translator(oniguruma).run(); }

}  // namespace ropewalk::tokenization

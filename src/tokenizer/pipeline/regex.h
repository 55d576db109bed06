// One compiled PCRE2 pattern over UTF-8 that was checked beforehand: a check within every match
// would make a long text quadratic.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;
struct pcre2_real_jit_stack_8;

namespace ropewalk::tokenization {

// What matching writes into; one per thread.
class MatchScratch {
 public:
  MatchScratch();
  ~MatchScratch();
  MatchScratch(const MatchScratch&) = delete;
  MatchScratch& operator=(const MatchScratch&) = delete;

 private:
  friend class Regex;
  pcre2_real_match_data_8* data_;
  pcre2_real_match_context_8* context_;
  pcre2_real_jit_stack_8* jit_stack_;
};

struct Match {
  size_t begin = 0;
  size_t end = 0;
};

class Regex {
 public:
  // `pattern` in PCRE2 syntax (pattern.h). Throws DataError when it does not compile.
  explicit Regex(const std::string& pattern);
  static Regex literal(const std::string& text);

  // The first match at or after `from`; nothing before the text's begin is looked at.
  bool find(std::string_view text, size_t from, MatchScratch& scratch, Match& match) const;

 private:
  Regex(const std::string& pattern, uint32_t options);

  struct Deleter {
    void operator()(pcre2_real_code_8* code) const;
  };
  std::string pattern_;
  std::unique_ptr<pcre2_real_code_8, Deleter> code_;
  bool jit_ = false;
};

}  // namespace ropewalk::tokenization

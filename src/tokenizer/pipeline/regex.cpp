#define PCRE2_CODE_UNIT_WIDTH 8
#include "tokenizer/pipeline/regex.h"

#include <pcre2.h>

#include <algorithm>
#include <limits>
#include <new>

#include "ropewalk/base/errors.h"

namespace ropewalk::tokenization {
namespace {

constexpr size_t kJitStackStart = 64 << 10;
constexpr size_t kJitStackMax = 16 << 20;
// How many ways to match may be tried at one place. Patterns of tokenizers try a few for each byte
// of a run that they look through to its end; those that try every way to cut it give up.
constexpr size_t kTriesPerByte = 32, kTriesAtLeast = 100'000;

uint32_t most_tries(size_t text_bytes) {
  return static_cast<uint32_t>(std::min<size_t>(std::max(kTriesPerByte * text_bytes, kTriesAtLeast),
                                                std::numeric_limits<uint32_t>::max()));
}

std::string error_text(int code) {
  PCRE2_UCHAR buffer[256];
  if (pcre2_get_error_message(code, buffer, sizeof(buffer)) < 0) return std::to_string(code);
  return reinterpret_cast<const char*>(buffer);
}

}  // namespace

MatchScratch::MatchScratch()
    : data_(pcre2_match_data_create(1, nullptr)),
      context_(pcre2_match_context_create(nullptr)),
      jit_stack_(pcre2_jit_stack_create(kJitStackStart, kJitStackMax, nullptr)) {
  if (data_ == nullptr || context_ == nullptr) throw std::bad_alloc();
  // Without JIT support there is no stack, and none is needed.
  if (jit_stack_ != nullptr) pcre2_jit_stack_assign(context_, nullptr, jit_stack_);
}

MatchScratch::~MatchScratch() {
  pcre2_jit_stack_free(jit_stack_);
  pcre2_match_context_free(context_);
  pcre2_match_data_free(data_);
}

void Regex::Deleter::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

Regex::Regex(const std::string& pattern)
    : Regex(pattern, PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C) {}

Regex Regex::literal(const std::string& text) { return Regex(text, PCRE2_LITERAL); }

Regex::Regex(const std::string& pattern, uint32_t options) : pattern_(pattern) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()),
                            pattern.size(),
                            options | PCRE2_UTF,
                            &error,
                            &offset,
                            nullptr));
  if (code_ == nullptr) {
    throw DataError("pattern " + pattern + ": " + error_text(error) + " at byte " +
                    std::to_string(offset));
  }
  jit_ = pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE) == 0;
}

bool Regex::find(std::string_view text, size_t from, MatchScratch& scratch, Match& match) const {
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  pcre2_set_match_limit(scratch.context_, most_tries(text.size()));
  const int result =
      jit_ ? pcre2_jit_match(
                 code_.get(), subject, text.size(), from, 0, scratch.data_, scratch.context_)
           : pcre2_match(code_.get(),
                         subject,
                         text.size(),
                         from,
                         PCRE2_NO_UTF_CHECK,
                         scratch.data_,
                         scratch.context_);
  if (result == PCRE2_ERROR_NOMATCH) return false;
  if (result < 0) {
    throw DataError("pattern " + pattern_ + " gave up on a text of " + std::to_string(text.size()) +
                    " bytes: " + error_text(result));
  }
  const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(scratch.data_);
  match = {offsets[0], offsets[1]};
  return true;
}

}  // namespace ropewalk::tokenization

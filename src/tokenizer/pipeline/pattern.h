// Split patterns of tokenizer.json are written for Oniguruma (Ruby syntax). This turns one into
// PCRE2 syntax of the same meaning, or refuses it: several escapes mean other things there.
#pragma once

#include <string>
#include <string_view>

namespace ropewalk::tokenization {

// Throws DataError that names the construct when it has no known equivalent.
std::string pcre2_pattern(std::string_view oniguruma);

}  // namespace ropewalk::tokenization

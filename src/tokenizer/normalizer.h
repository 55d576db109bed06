// The `normalizer` of tokenizer.json: none, or Unicode NFC.
#pragma once

#include <string>
#include <string_view>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"

namespace ropewalk::tokenization {

class Normalizer {
 public:
  Normalizer() = default;
  Normalizer(const Json& normalizer, Diagnostics& diagnostics);

  // The text itself where nothing changes, else `buffer`, which then holds the result.
  std::string_view apply(std::string_view text, std::string& buffer) const;

 private:
  void add(const Json& normalizer, const std::string& path, Diagnostics& diagnostics);
  bool nfc_ = false;
};

}  // namespace ropewalk::tokenization

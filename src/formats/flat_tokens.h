// One array of ids in a `.bin`: nanoGPT's without a header, llm.c's with one. Private to formats.
#pragma once

#include "formats/foreign_tokens.h"

namespace ropewalk {

class FlatTokens : public ForeignTokens {
 public:
  FlatTokens(const std::filesystem::path& path, const TokenFileOptions& options);
  std::string_view format() const override { return format_; }

 private:
  struct Layout {
    std::string_view format;
    size_t header_bytes = 0;
    IdType type = IdType::kU16;
  };
  static Layout read_layout(std::span<const std::byte> file, Diagnostics& faults);
  void find_documents();
  int64_t first_id(int64_t document) const override;

  std::string_view format_;
  int64_t leading_ = 0;  // 1: the file begins with a separator
};

}  // namespace ropewalk

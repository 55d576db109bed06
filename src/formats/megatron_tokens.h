// Megatron-LM's `.bin` and `.idx`. Private to formats.
#pragma once

#include "formats/foreign_tokens.h"
#include "formats/megatron_index.h"

namespace ropewalk {

class MegatronTokens : public ForeignTokens {
 public:
  MegatronTokens(const std::filesystem::path& index, const TokenFileOptions& options);
  std::string_view format() const override { return "megatron"; }

 private:
  void find_documents();
  int64_t first_id(int64_t document) const override { return index_.document(document).begin; }

  MegatronIndex index_;
};

}  // namespace ropewalk

#include "cli/engine/evaluated_documents.h"

#include <algorithm>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/base/text.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk::cli {

std::shared_ptr<const TokenDataset> open_documents(const DocumentChoice& choice,
                                                   const HfModel& model) {
  TokenDatasetOptions expected{.tokenizer_hash = {}, .vocab_size = model.spec.vocab_size};
  if (!model.spec.eos_token_ids.empty()) {
    expected.eos_id = static_cast<int32_t>(model.spec.eos_token_ids.front());
  }
  const auto tokenizer = tokenizer_file_of(model.path);
  if (tokenizer) expected.tokenizer_hash = hash_file(*tokenizer);
  return TokenDataset::open({choice.data.begin(), choice.data.end()}, expected);
}

void refuse_windows_beyond_documents(const DocumentChoice& choice,
                                     const TokenDataset& documents,
                                     const std::vector<int64_t>& windows) {
  const int64_t count = choice.max_documents == 0
                            ? documents.num_documents()
                            : std::min(choice.max_documents, documents.num_documents());
  int64_t longest = 0;
  for (int64_t d = 0; d < count; ++d) longest = std::max(longest, documents.document_length(d));
  Diagnostics faults;
  for (const int64_t window : windows) {
    if (window <= longest) continue;
    faults.error("--windows",
                 "found " + std::to_string(window) + ", longer than each of the " +
                     counted(count, "document") + ", of which the longest has " +
                     std::to_string(longest) + " tokens. Use a smaller window or longer documents");
  }
  faults.throw_if_errors<ConfigError>(join(choice.data, ", "));
}

}  // namespace ropewalk::cli

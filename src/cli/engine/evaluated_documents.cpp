#include "cli/engine/evaluated_documents.h"

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/base/text.h"
#include "ropewalk/data/window_reach.h"
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
  Diagnostics faults;
  for (const std::string& fault :
       windows_beyond_documents(windows, documents, choice.max_documents)) {
    faults.error("--windows", fault);
  }
  faults.throw_if_errors<ConfigError>(join(choice.data, ", "));
}

}  // namespace ropewalk::cli

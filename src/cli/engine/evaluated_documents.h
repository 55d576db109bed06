// The token shards that a checkpoint is evaluated on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ropewalk/data/token_dataset.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk::cli {

struct DocumentChoice {
  std::vector<std::string> data;
  int64_t max_documents = 0;  // 0: all
};

// DataError where they were made with another tokenizer than the model's.
std::shared_ptr<const TokenDataset> open_documents(const DocumentChoice& choice,
                                                   const HfModel& model);

// Throws ConfigError, headed by the data's names, with every window that is longer than each of the
// documents: it would be evaluated as a shorter one.
void refuse_windows_beyond_documents(const DocumentChoice& choice,
                                     const TokenDataset& documents,
                                     const std::vector<int64_t>& windows);

}  // namespace ropewalk::cli

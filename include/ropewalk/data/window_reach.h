// Whether there is text for a window.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ropewalk/data/token_dataset.h"

namespace ropewalk {

// What is wrong with each window that is longer than each of the first `max_documents` documents
// (0: all): it would be evaluated as a shorter one.
std::vector<std::string> windows_beyond_documents(const std::vector<int64_t>& windows,
                                                  const TokenDataset& documents,
                                                  int64_t max_documents);

}  // namespace ropewalk

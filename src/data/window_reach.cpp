#include "ropewalk/data/window_reach.h"

#include <algorithm>

#include "ropewalk/base/text.h"

namespace ropewalk {

std::vector<std::string> windows_beyond_documents(const std::vector<int64_t>& windows,
                                                  const TokenDataset& documents,
                                                  int64_t max_documents) {
  const int64_t all = documents.num_documents();
  const int64_t count = max_documents == 0 ? all : std::min(max_documents, all);
  int64_t longest = 0;
  for (int64_t d = 0; d < count; ++d) longest = std::max(longest, documents.document_length(d));
  const std::string which = (count < all ? "first " : "") + counted(count, "document");
  std::vector<std::string> faults;
  for (const int64_t window : windows) {
    if (window <= longest) continue;
    faults.push_back("found " + std::to_string(window) + ", longer than each of the " + which +
                     ", of which the longest has " + std::to_string(longest) +
                     " tokens. Use a smaller window or " + (count < all ? "more or " : "") +
                     "longer documents");
  }
  return faults;
}

}  // namespace ropewalk

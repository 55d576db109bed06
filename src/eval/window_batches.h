// The windows of a data set in the batches that are computed together.
#pragma once

#include <cstdint>
#include <vector>

#include "ropewalk/data/token_dataset.h"
#include "ropewalk/eval/perplexity.h"
#include "ropewalk/eval/windows.h"

namespace ropewalk {

// What windows slide over: single documents, or in protocol longlora all of them in one.
class WindowedTexts {
 public:
  WindowedTexts(const TokenDataset& documents, const PerplexityOptions& options);

  int64_t size() const { return is_stream_ ? 1 : num_documents_; }
  int64_t num_documents() const { return num_documents_; }
  int64_t length(int64_t text) const;
  std::vector<int64_t> tokens(int64_t text) const;

 private:
  const TokenDataset& documents_;
  int64_t num_documents_;
  bool is_stream_;
};

// Windows of one length and one text.
struct WindowBatch {
  int64_t text;
  std::vector<ScoredWindow> windows;
};

// In order. Windows that score nothing are left out.
std::vector<WindowBatch> window_batches(const WindowedTexts& texts,
                                        const PerplexityOptions& options);

}  // namespace ropewalk

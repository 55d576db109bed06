#include "eval/window_batches.h"

#include <algorithm>

namespace ropewalk {
namespace {

// Under the YaRN authors' protocols BOS takes a place of the window.
std::vector<ScoredWindow> yarn_windows(int64_t num_tokens, const PerplexityOptions& options) {
  const int64_t stride = options.stride;
  if (!options.bos_id) return sliding_windows(num_tokens, options.window, stride);
  const int64_t window = options.window - 1;
  return sliding_windows_after_bos(num_tokens, window, std::min(stride, window));
}

std::vector<ScoredWindow> windows_of(int64_t num_tokens, const PerplexityOptions& options) {
  switch (options.protocol) {
    case PerplexityProtocol::kPi:
      break;
    case PerplexityProtocol::kYarn:
      return yarn_windows(num_tokens, options);
    case PerplexityProtocol::kYarnTruncate: {
      const int64_t most = options.window - (options.bos_id ? 1 : 0);
      return yarn_windows(std::min(num_tokens, most), options);
    }
    case PerplexityProtocol::kLonglora:
      return stream_windows(num_tokens, options.window, options.stride);
  }
  return sliding_windows(num_tokens, options.window, options.stride);
}

}  // namespace

WindowedTexts::WindowedTexts(const TokenDataset& documents, const PerplexityOptions& options)
    : documents_(documents),
      num_documents_(options.max_documents == 0
                         ? documents.num_documents()
                         : std::min(options.max_documents, documents.num_documents())),
      is_stream_(options.protocol == PerplexityProtocol::kLonglora) {}

int64_t WindowedTexts::length(int64_t text) const {
  return is_stream_ ? documents_.token_begin(num_documents_) : documents_.document_length(text);
}

std::vector<int64_t> WindowedTexts::tokens(int64_t text) const {
  if (!is_stream_) return documents_.document(text);
  std::vector<int64_t> stream(length(text));
  for (int64_t d = 0; d < num_documents_; ++d) {
    const auto begin = static_cast<size_t>(documents_.token_begin(d));
    const auto length = static_cast<size_t>(documents_.document_length(d));
    documents_.read(d, 0, std::span(stream).subspan(begin, length));
  }
  return stream;
}

std::vector<WindowBatch> window_batches(const WindowedTexts& texts,
                                        const PerplexityOptions& options) {
  std::vector<WindowBatch> batches;
  for (int64_t text = 0; text < texts.size(); ++text) {
    int64_t length = 0;  // of the windows of the batch that may take more; 0: none
    for (const ScoredWindow& window : windows_of(texts.length(text), options)) {
      if (window.num_scored() == 0) continue;
      const int64_t own = window.end - window.begin;
      const bool fits =
          length == own &&
          (static_cast<int64_t>(batches.back().windows.size()) + 1) * own <= options.batch_tokens;
      if (!fits) batches.push_back({text, {}});
      batches.back().windows.push_back(window);
      length = own;
    }
  }
  return batches;
}

}  // namespace ropewalk

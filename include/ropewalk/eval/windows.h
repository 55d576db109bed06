// Which tokens of a text each window sees and scores, by the protocols of three papers whose
// figures cannot be compared with each other. Plain arithmetic, no tensors.
//
//   pi        Chen et al., "Extending Context Window of Large Language Models via Position
//             Interpolation" (arXiv 2306.15595, section 3.2). Per document; every token but the
//             first is scored once, by the first window that sees it. Mean over tokens.
//   yarn      eval/perplexity.py of the YaRN authors (github.com/jquesnelle/yarn). The same windows
//             with BOS in front of each, if the tokenizer has one, counted as part of the window,
//             so that a document's first token is scored too. Mean over windows of each window's
//             mean: a document's last window weighs as much as its first.
//   longlora  eval.py of the LongLoRA authors (github.com/dvlab-research/LongLoRA). All documents
//   are
//             one stream. Every window is whole and scores all its tokens but the first, so that
//             most tokens are scored several times; the last begin is left out. Mean over windows.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ropewalk {

enum class PerplexityProtocol { kPi, kYarn, kLonglora };

std::string_view protocol_name(PerplexityProtocol protocol);
std::optional<PerplexityProtocol> parse_protocol(std::string_view name);
std::vector<std::string_view> protocol_names();

// Tokens [begin, end) are read; tokens [score_begin, end) are scored, which may be none. Offsets
// into the text.
struct ScoredWindow {
  int64_t begin;
  int64_t end;
  int64_t score_begin;
  int64_t num_scored() const { return end > score_begin ? end - score_begin : 0; }
};

// pi: windows start at 0, stride, 2 * stride, ... and stop with the first that reaches the text's
// end. A window scores what no earlier window contained, but never its own first token, which has
// no context. Needs 1 <= stride <= window.
std::vector<ScoredWindow> sliding_windows(int64_t num_tokens, int64_t window, int64_t stride);

// yarn: the same of windows that see something before their first token, which they score too where
// no earlier window contained it.
std::vector<ScoredWindow> sliding_windows_after_bos(int64_t num_tokens,
                                                    int64_t window,
                                                    int64_t stride);

// longlora: whole windows, each scoring all but its first token; none where the text has fewer than
// window + stride + 1 tokens.
std::vector<ScoredWindow> stream_windows(int64_t num_tokens, int64_t window, int64_t stride);

}  // namespace ropewalk

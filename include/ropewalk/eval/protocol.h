// How windows are laid over a text and averaged, by the protocols of three papers whose figures
// cannot be compared with each other.
//
//   pi         Chen et al., "Extending Context Window of Large Language Models via Position
//              Interpolation" (arXiv 2306.15595, section 3.2). Per document; every token but the
//              first is scored once, by the first window that sees it. Mean over tokens.
//   yarn       eval/perplexity.py of the YaRN authors (github.com/jquesnelle/yarn). The same
//              windows with BOS in front of each, if the tokenizer has one, counted as part of the
//              window, so that a document's first token is scored too. Mean over windows of each
//              window's mean: a document's last window weighs as much as its first.
//   yarn_truncate
//              The same script with --truncate, as its eval.sh calls it for every Proof-pile
//              table: a document has one window, its beginning. There is no stride.
//   longlora   eval.py of the LongLoRA authors (github.com/dvlab-research/LongLoRA). All documents
//              are one stream. Every window is whole and scores all its tokens but the first, so
//              that most tokens are scored several times; the last begin is left out. Mean over
//              windows.
#pragma once

#include "ropewalk/config/fields.h"

namespace ropewalk {

enum class PerplexityProtocol { kPi, kYarn, kYarnTruncate, kLonglora };

constexpr auto enum_names(PerplexityProtocol) {
  return std::array{named(PerplexityProtocol::kPi, "pi"),
                    named(PerplexityProtocol::kYarn, "yarn"),
                    named(PerplexityProtocol::kYarnTruncate, "yarn_truncate"),
                    named(PerplexityProtocol::kLonglora, "longlora")};
}

// BOS stands in front of a window.
constexpr bool begins_with_bos(PerplexityProtocol protocol) {
  return protocol == PerplexityProtocol::kYarn || protocol == PerplexityProtocol::kYarnTruncate;
}

}  // namespace ropewalk

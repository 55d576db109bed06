// Perplexity over the documents of token shards, by the protocols of protocol.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ropewalk/data/token_dataset.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/eval/confidence.h"
#include "ropewalk/eval/protocol.h"
#include "ropewalk/model/decoder.h"

namespace ropewalk {

struct PerplexityOptions {
  PerplexityProtocol protocol = PerplexityProtocol::kPi;
  int64_t window = 0;  // tokens a prediction can see, itself included
  // 1 .. window; 0: the paper's 256, or the window where that is smaller. Not of yarn_truncate.
  int64_t stride = 0;
  int64_t max_documents = 0;  // from the first; 0 = all
  // Put in front of a window where its protocol has it.
  std::optional<int32_t> bos_id = std::nullopt;
  int64_t batch_tokens = 8192;  // tokens computed at once, at least one window; memory only
};

// The loss of all tokens at positions [begin, end) of their windows, those that earlier windows
// have scored too: every window tells about every position.
struct PositionLoss {
  int64_t begin = 0;
  int64_t end = 0;
  double nll = 0;  // nats per token
  int64_t tokens = 0;
};

struct PerplexityResult {
  std::string name;  // of the evaluation in a comparison; empty otherwise
  PerplexityProtocol protocol = PerplexityProtocol::kPi;
  int64_t window = 0;
  int64_t stride = 0;
  std::string kind;       // scaling in force: "default", "linear", ...
  double factor = 1;      // total factor in force, 1 if none
  double perplexity = 0;  // exp(nll)
  double nll = 0;         // nats, averaged as the protocol says
  int64_t tokens = 0;     // scored; as often as they were
  int64_t documents = 0;  // with at least one scored token
  // 95 % over documents (confidence.h), of the perplexity; nothing for a single document or stream.
  std::optional<Interval> interval;
  // In kPositionBuckets equal parts of the window, those without a token left out.
  std::vector<PositionLoss> positions;
};

inline constexpr int64_t kPositionBuckets = 16;

// Under the decoder's present scaling. Positions start at 0 in each window. Windows are dealt to
// the group's ranks in batches that do not depend on their number, and summed in the documents'
// order: every rank gets the same result, and any number of ranks gets it too, as far as they
// compute with the same number of threads. Every rank makes equally many forward passes.
// Collective. Throws DataError where there is nothing to score.
PerplexityResult perplexity(Decoder& decoder,
                            const TokenDataset& documents,
                            const PerplexityOptions& options,
                            dist::Group& group);

}  // namespace ropewalk

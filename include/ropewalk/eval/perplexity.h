// Perplexity by protocol `pi` (windows.h) over the documents of token shards.
#pragma once

#include <cstdint>
#include <string>

#include "ropewalk/data/token_dataset.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/model/decoder.h"

namespace ropewalk {

struct PerplexityOptions {
  int64_t window = 0;           // tokens a prediction can see, itself included
  int64_t stride = 0;           // 1 .. window
  int64_t max_documents = 0;    // from the first; 0 = all
  int64_t batch_tokens = 8192;  // tokens computed at once, at least one window; memory only
  // Forward passes are collective (sharded weights): every rank makes as many as the busiest.
  bool equal_passes = false;
};

struct PerplexityResult {
  std::string name;  // of the evaluation in a comparison; empty otherwise
  int64_t window = 0;
  int64_t stride = 0;
  std::string kind;       // scaling in force: "default", "linear", ...
  double factor = 1;      // total factor in force, 1 if none
  double perplexity = 0;  // exp(nll)
  double nll = 0;         // nats per scored token
  int64_t tokens = 0;     // scored
  int64_t documents = 0;  // with at least one scored token
};

// Under the decoder's present scaling. Positions start at 0 in each window and no token is added.
// Documents are dealt to the group's ranks; every rank gets the same result. Collective.
PerplexityResult perplexity(Decoder& decoder,
                            const TokenDataset& documents,
                            const PerplexityOptions& options,
                            dist::Group& group);

// The stride used when nobody states one: the paper's 256, or the window where that is smaller.
int64_t default_stride(int64_t window);

}  // namespace ropewalk

// Bytes that one rank sends to others in one optimizer step, as dist::Group::sent_bytes() counts
// them (what c10d's reducer sends under `ddp` passes by the group and is counted here alike).
// Without the few numbers on which ranks agree: loss, counts, norm, statistics of routers.
#pragma once

#include "ropewalk/plan/run_shape.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk::plan {

struct SentBytes {
  int64_t parameters = 0;  // weights gathered and gradients reduced, among the ranks of a shard
  int64_t copies = 0;      // hybrid: gradients of shards, summed over the copies of the state
  int64_t attention = 0;   // among the ranks of a sequence

  int64_t total() const { return parameters + copies + attention; }
};

struct ModelSizes;

// Of a run in which all parameters are trained.
SentBytes sent_bytes(const DecoderSpec& spec, const RunShape& shape);
SentBytes sent_bytes(const ModelSizes& model, const RunShape& shape);

}  // namespace ropewalk::plan

// Causal grouped-query attention, optionally within a sliding window or within documents, with
// soft-capped scores or with sinks, of a whole sequence or of a piece of one.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "ropewalk/ops/documents.h"
#include "ropewalk/ops/sequence_part.h"

namespace ropewalk::ops {

struct AttentionOptions {
  double scale = 1.0;    // of the scores
  int64_t window = 0;    // a query sees at most this many keys, itself included; 0 = all before it
  double softcap = 0.0;  // scores -> softcap * tanh(scores / softcap) before the mask; 0 = off
  // One logit per query head that takes part in the softmax and has no value (fp32; double for
  // double); undefined = none.
  at::Tensor sinks_H;
  // Attention within each document: B = 1, Tq = Tk = the sum of their lengths. Not owned; null =
  // one document. Time and memory are the sum over the documents.
  const Documents* documents = nullptr;
  // Queries, keys and values are this piece of a longer sequence: it computes. Not owned; null =
  // they are the whole.
  const SequencePart* part = nullptr;
};

// q [B, H, Tq, D], k [B, Hkv, Tk, D], v [B, Hkv, Tk, E], Hkv divides H, Tk >= Tq -> [B, Tq, H * E].
// Query t sees keys up to Tk - Tq + t: the last query sees the last key (bottom-right aligned),
// which serves whole sequences and decoding with a cache alike. With a window or softcap or sinks
// no more than a chunk of queries times its keys exists at a time; backward keeps q, k, v, the
// output and one number per query and head.
at::Tensor causal_attention(const at::Tensor& q_BHTD,
                            const at::Tensor& k_BHTD,
                            const at::Tensor& v_BHTE,
                            const AttentionOptions& options);

}  // namespace ropewalk::ops

#include "ropewalk/model/kv_cache.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "ropewalk/base/errors.h"

namespace ropewalk {

KvCache::KvCache(int64_t num_layers, int64_t expected_tokens)
    : expected_tokens_(expected_tokens), layers_(static_cast<size_t>(num_layers)) {}

at::Tensor KvCache::grown(const at::Tensor& kept, const at::Tensor& added, int64_t tokens) const {
  std::vector<int64_t> sizes = added.sizes().vec();
  sizes[2] = tokens;
  at::Tensor out = at::empty(sizes, added.options());
  if (length_ > 0) out.narrow(2, 0, length_).copy_(kept.narrow(2, 0, length_));
  return out;
}

std::pair<at::Tensor, at::Tensor> KvCache::append(int64_t layer,
                                                  const at::Tensor& k_BHTD,
                                                  const at::Tensor& v_BHTD) {
  Layer& own = layers_.at(static_cast<size_t>(layer));
  const int64_t needed = length_ + k_BHTD.size(2);
  const int64_t capacity = own.k.defined() ? own.k.size(2) : 0;
  if (needed > capacity) {
    const int64_t tokens = std::max({needed, 2 * capacity, expected_tokens_});
    own.k = grown(own.k, k_BHTD, tokens);
    own.v = grown(own.v, v_BHTD, tokens);
  }
  ROPEWALK_CHECK(own.k.size(0) == k_BHTD.size(0), "the batch differs from the cached one");
  own.k.narrow(2, length_, k_BHTD.size(2)).copy_(k_BHTD);
  own.v.narrow(2, length_, v_BHTD.size(2)).copy_(v_BHTD);
  return {own.k.narrow(2, 0, needed), own.v.narrow(2, 0, needed)};
}

void KvCache::advance(int64_t num_tokens) { length_ += num_tokens; }

void KvCache::truncate(int64_t length) {
  ROPEWALK_CHECK(length >= 0 && length <= length_, "a cache can only be shortened");
  length_ = length;
}

}  // namespace ropewalk

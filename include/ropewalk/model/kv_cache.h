// Keys and values of the tokens that a decoder has seen, for generation. Not for training.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace ropewalk {

class KvCache {
 public:
  // Grows by doubling, so `expected_tokens` is only a hint.
  explicit KvCache(int64_t num_layers, int64_t expected_tokens = 0);

  // Number of tokens whose keys every layer holds.
  int64_t length() const { return length_; }

  // Appends k and v [B, Hkv, T, Dh] (v may have a Dh of its own) of one layer and returns views of
  // all of its tokens.
  std::pair<at::Tensor, at::Tensor> append(int64_t layer,
                                           const at::Tensor& k_BHTD,
                                           const at::Tensor& v_BHTD);
  // To be called once all layers have appended the same tokens; the decoder does.
  void advance(int64_t num_tokens);
  // Forgets all tokens from `length` on; memory is kept.
  void truncate(int64_t length);

 private:
  struct Layer {
    at::Tensor k, v;  // [B, Hkv, capacity, Dh]
  };
  // A copy of what is kept of a layer with room for `tokens`.
  at::Tensor grown(const at::Tensor& kept, const at::Tensor& added, int64_t tokens) const;

  int64_t length_ = 0;
  int64_t expected_tokens_ = 0;
  std::vector<Layer> layers_;
};

}  // namespace ropewalk

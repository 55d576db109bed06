// Documents laid one after another along a row of tokens, none of which sees another: attention and
// positions begin anew in each.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace ropewalk::ops {

struct Documents {
  std::vector<int64_t> lengths;  // of the documents in order, each at least 1; their sum is T
  int64_t longest = 0;
  at::Tensor positions_T;  // int64: of every token within its document, from 0
};

// `lengths` holds at least one document.
Documents make_documents(std::vector<int64_t> lengths, at::Device device);

}  // namespace ropewalk::ops

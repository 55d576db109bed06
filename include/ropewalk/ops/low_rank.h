// Low-rank updates of a product (LoRA, Hu et al., arXiv 2106.09685):
// columns [begin, end) of y = x W^T get scale * (x A^T) B^T, each part of the columns with an A and
// a B of its own. A and B are stored in fp32 and cast to the input's type at use.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace ropewalk::ops {

struct LowRank {
  struct Columns {
    int64_t begin = 0;
    int64_t end = 0;
  };
  at::Tensor a_SI;  // [parts * rank, in], one part's A after another's
  at::Tensor b_OR;  // [sum of the parts' columns, rank], likewise
  std::vector<Columns> parts;
  double scale = 1.0;
};

// y [..., out] with the updates added; x [..., in]. Backward keeps x and x A^T.
at::Tensor add_low_rank(const at::Tensor& y, const at::Tensor& x, const LowRank& update);

}  // namespace ropewalk::ops

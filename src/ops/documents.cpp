#include "ropewalk/ops/documents.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "ropewalk/base/errors.h"

namespace ropewalk::ops {

Documents make_documents(std::vector<int64_t> lengths, at::Device device) {
  ROPEWALK_CHECK(!lengths.empty() && *std::min_element(lengths.begin(), lengths.end()) > 0,
                 "documents are at least one, and none is empty");
  const int64_t total = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  const at::Tensor positions = at::empty({total}, at::kLong);
  int64_t* begin = positions.data_ptr<int64_t>();
  for (const int64_t length : lengths) {
    std::iota(begin, begin + length, int64_t{0});
    begin += length;
  }
  const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  return {std::move(lengths), longest, positions.to(device)};
}

}  // namespace ropewalk::ops

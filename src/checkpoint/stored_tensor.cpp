#include "checkpoint/stored_tensor.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "checkpoint/stored_rows.h"
#include "checkpoint/tensor_bytes.h"
#include "checkpoint/weight_layout.h"

namespace ropewalk {
namespace {

// What is converted at once: small beside any shard, large enough to be fast.
constexpr int64_t kPieceNumel = int64_t{1} << 20;

}  // namespace

void copy_stored(const StoredTensor& source,
                 const WeightSlice& slice,
                 const dist::ShardedTensor& ours) {
  const dist::ElementRange held = ours.range(), wanted = elements_of(slice, ours);
  const int64_t begin = std::max(held.begin, wanted.begin);
  const int64_t end = std::min(held.end, wanted.end);
  if (begin >= end) return;
  const int64_t columns = row_numel(ours);
  const int64_t last_row = (end - 1) / columns + 1;
  const int64_t rows_at_once = std::max<int64_t>(1, kPieceNumel / columns);
  const at::Tensor local = ours.local().detach().view({-1});
  const ReadRows read = rows_of(source, slice);
  for (int64_t row = begin / columns; row < last_row; row += rows_at_once) {
    const int64_t next_row = std::min(row + rows_at_once, last_row);
    const at::Tensor piece = read(row - slice.row_begin, next_row - slice.row_begin).reshape({-1});
    // Where the range begins or ends inside a row, only that part of it.
    const int64_t from = std::max(begin, row * columns), to = std::min(end, next_row * columns);
    local.slice(0, from - held.begin, to - held.begin)
        .copy_(piece.slice(0, from - row * columns, to - row * columns));
  }
  release_pages(source.values);
  if (source.quantization) release_pages(source.scales);
}

at::Tensor read_stored(const StoredTensor& source, const WeightSlice& slice, DType dtype) {
  if (!source.quantization) return view_stored(source.values);
  const std::vector<int64_t>& shape = slice.shape;
  const int64_t columns = shape[shape.size() - (slice.transposed ? 2 : 1)];
  WeightSlice whole{.foreign_name = slice.foreign_name, .shape = shape};
  whole.row_end = c10::multiply_integers(shape) / columns;
  whole.transposed = slice.transposed;
  const at::Tensor rows =
      at::empty({whole.row_end, columns}, at::TensorOptions().dtype(scalar_type(dtype)));
  copy_stored(source, whole, dist::ShardedTensor(rows));
  return to_foreign(rows, whole);
}

}  // namespace ropewalk

#include "checkpoint/weight_layout.h"

#include <ATen/ATen.h>

namespace ropewalk {
namespace {

std::vector<int64_t> swapped(std::vector<int64_t> shape) {
  std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  return shape;
}

at::Tensor index(const WeightSlice& slice, at::Device device) {
  return at::tensor(slice.rows, at::kLong).to(device);
}

}  // namespace

at::Tensor to_foreign(const at::Tensor& ours, const WeightSlice& slice) {
  at::Tensor rows = ours.detach().slice(0, slice.row_begin, slice.row_end);
  if (!slice.rows.empty()) {
    rows = at::empty_like(rows).index_copy_(0, index(slice, rows.device()), rows);
  }
  if (slice.transposed) return rows.reshape(swapped(slice.shape)).transpose(-1, -2);
  return rows.reshape(slice.shape);
}

void from_foreign(const at::Tensor& foreign, const WeightSlice& slice, const at::Tensor& ours) {
  ForeignPieces(slice, ours).append(foreign);
}

ForeignPieces::ForeignPieces(const WeightSlice& slice, const at::Tensor& ours)
    : target_(ours.detach().slice(0, slice.row_begin, slice.row_end)),
      transposed_(slice.transposed) {
  if (slice.rows.empty()) return;
  std::vector<int64_t> places(slice.rows.size());
  for (size_t i = 0; i < places.size(); ++i) {
    places[static_cast<size_t>(slice.rows[i])] = static_cast<int64_t>(i);
  }
  places_ = at::tensor(places, at::kLong).to(ours.device());
}

void ForeignPieces::append(const at::Tensor& piece) {
  std::vector<int64_t> sizes = target_.sizes().vec();
  sizes[0] = -1;
  const at::Tensor rows = (transposed_ ? piece.transpose(-1, -2) : piece).reshape(sizes);
  const int64_t end = next_ + rows.size(0);
  if (places_.defined()) {
    target_.index_copy_(0, places_.slice(0, next_, end), rows.to(target_.options()));
  } else {
    target_.slice(0, next_, end).copy_(rows);
  }
  next_ = end;
}

}  // namespace ropewalk

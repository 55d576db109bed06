#include "checkpoint/stored_tensor.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>

#include "checkpoint/dequantize.h"
#include "checkpoint/tensor_bytes.h"
#include "checkpoint/weight_layout.h"

namespace ropewalk {
namespace {

using PieceVisit = std::function<void(const at::Tensor&)>;

// One [1, in, out] for each expert.
void for_each_expert(const at::Tensor& blocks, const at::Tensor& scales, const PieceVisit& visit) {
  for (int64_t expert = 0; expert < blocks.size(0); ++expert) {
    visit(dequantize_mxfp4(blocks.select(0, expert), scales.select(0, expert)).t().unsqueeze(0));
  }
}

void for_each_block_row(const at::Tensor& values,
                        const at::Tensor& scales,
                        const Quantization& quantization,
                        const PieceVisit& visit) {
  const int64_t rows = values.size(0);
  const int64_t step = std::min(quantization.block_rows, rows);
  for (int64_t begin = 0; begin < rows; begin += step) {
    visit(dequantize_fp8(values.slice(0, begin, std::min(begin + step, rows)),
                         scales.select(0, begin / step),
                         quantization.block_columns));
  }
}

// The foreign tensor in fp32, in pieces of its first dimension, in order.
void for_each_piece(const StoredTensor& source, const PieceVisit& visit) {
  const at::Tensor values = view_stored(source.values);
  const at::Tensor scales = view_stored(source.scales);
  switch (source.quantization->method) {
    case QuantizationMethod::kMxfp4:
      return for_each_expert(values, scales, visit);
    case QuantizationMethod::kFp8:
      return for_each_block_row(values, scales, *source.quantization, visit);
  }
}

}  // namespace

void copy_stored(const StoredTensor& source, const WeightSlice& slice, const at::Tensor& ours) {
  if (!source.quantization) return copy_stored(source.values, slice, ours);
  ForeignPieces pieces(slice, ours);
  for_each_piece(source, [&](const at::Tensor& piece) { pieces.append(piece); });
  release_pages(source.values);
  release_pages(source.scales);
}

at::Tensor read_stored(const StoredTensor& source, const std::vector<int64_t>& shape, DType dtype) {
  if (!source.quantization) return view_stored(source.values);
  at::Tensor out = at::empty(shape, at::TensorOptions().dtype(scalar_type(dtype)));
  int64_t next = 0;
  for_each_piece(source, [&](const at::Tensor& piece) {
    out.slice(0, next, next + piece.size(0)).copy_(piece);
    next += piece.size(0);
  });
  return out;
}

}  // namespace ropewalk

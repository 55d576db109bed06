#include "checkpoint/stored_rows.h"

#include <ATen/ATen.h>

#include <cstdint>

#include "checkpoint/dequantize.h"
#include "checkpoint/tensor_bytes.h"

namespace ropewalk {
namespace {

// By row of ours, which foreign row it is.
class RowOrder {
 public:
  explicit RowOrder(const WeightSlice& slice) {
    if (!slice.rows.empty()) rows_ = at::tensor(slice.rows, at::kLong);
  }
  at::Tensor numbers(int64_t begin, int64_t end) const {
    return rows_.defined() ? rows_.slice(0, begin, end) : at::arange(begin, end, at::kLong);
  }
  // A view where the order is the same.
  at::Tensor take(const at::Tensor& foreign, int64_t begin, int64_t end) const {
    return rows_.defined() ? foreign.index_select(0, numbers(begin, end))
                           : foreign.slice(0, begin, end);
  }

 private:
  at::Tensor rows_;  // undefined: the same order
};

int64_t num_rows(const WeightSlice& slice) { return slice.row_end - slice.row_begin; }

// Other than view_stored, this leaves copying of misaligned values to the rows that are taken.
at::Tensor with_type(const at::Tensor& bytes, at::ScalarType type) {
  const bool aligned =
      reinterpret_cast<std::uintptr_t>(bytes.const_data_ptr()) % c10::elementSize(type) == 0;
  return (aligned ? bytes : bytes.clone()).view(type);
}

ReadRows plain_rows(const ModelTensor& source, const WeightSlice& slice) {
  return [order = RowOrder(slice),
          bytes = view_stored_bytes(source, num_rows(slice)),
          type = scalar_type(source.info->dtype)](int64_t begin, int64_t end) {
    return with_type(order.take(bytes, begin, end), type);
  };
}

//   G: groups (experts), C: columns of ours, O: rows of ours in a group
ReadRows transposed_rows(const ModelTensor& source, const WeightSlice& slice) {
  const std::vector<int64_t>& shape = slice.shape;
  const at::Tensor values_GCO =
      view_stored(source).view({-1, shape[shape.size() - 2], shape[shape.size() - 1]});
  return [order = RowOrder(slice), values_GOC = values_GCO.transpose(1, 2)](int64_t begin,
                                                                            int64_t end) {
    const at::Tensor numbers = order.numbers(begin, end);
    const int64_t rows = values_GOC.size(1);
    const c10::List<std::optional<at::Tensor>> place(
        {numbers.div(rows, "floor"), numbers.remainder(rows)});
    return at::index(values_GOC, place);
  };
}

// Transposed as they are stored, which is our order.
ReadRows mxfp4_rows(const StoredTensor& source, const WeightSlice& slice) {
  return [order = RowOrder(slice),
          blocks = view_stored_bytes(source.values, num_rows(slice)),
          scales = view_stored_bytes(source.scales, num_rows(slice))](int64_t begin, int64_t end) {
    return dequantize_mxfp4(
        order.take(blocks, begin, end).view({end - begin, -1, kMxfp4BlockBytes}),
        order.take(scales, begin, end));
  };
}

ReadRows fp8_rows(const StoredTensor& source, const WeightSlice& slice) {
  return [order = RowOrder(slice),
          codes = view_stored_bytes(source.values, num_rows(slice)),
          scales = view_stored(source.scales).to(at::kFloat),
          block = *source.quantization](int64_t begin, int64_t end) {
    const at::Tensor block_rows = order.numbers(begin, end).div(block.block_rows, "floor");
    return dequantize_fp8(order.take(codes, begin, end).view(at::kFloat8_e4m3fn),
                          scales.index_select(0, block_rows),
                          block.block_columns);
  };
}

}  // namespace

ReadRows rows_of(const StoredTensor& source, const WeightSlice& slice) {
  if (!source.quantization) {
    return slice.transposed ? transposed_rows(source.values, slice)
                            : plain_rows(source.values, slice);
  }
  switch (source.quantization->method) {
    case QuantizationMethod::kMxfp4:
      return mxfp4_rows(source, slice);
    case QuantizationMethod::kFp8:
      return fp8_rows(source, slice);
  }
  return {};
}

}  // namespace ropewalk

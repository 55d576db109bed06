#include "checkpoint/tensor_bytes.h"

#include <ATen/Functions.h>
#include <ATen/ops/from_blob.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "ropewalk/base/errors.h"

namespace ropewalk {

at::ScalarType scalar_type(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return at::kDouble;
    case DType::kF32:
      return at::kFloat;
    case DType::kF16:
      return at::kHalf;
    case DType::kBF16:
      return at::kBFloat16;
    case DType::kU8:
      return at::kByte;
    case DType::kF8E4M3:
      return at::kFloat8_e4m3fn;
    case DType::kF8E8M0:
      return at::kFloat8_e8m0fnu;
    default:
      break;
  }
  ROPEWALK_CHECK(false, "not a weight type: " + std::string(dtype_name(dtype)));
}

std::string torch_dtype_name(DType dtype) {
  switch (scalar_type(dtype)) {
    case at::kDouble:
      return "float64";
    case at::kHalf:
      return "float16";
    case at::kBFloat16:
      return "bfloat16";
    default:
      return "float32";
  }
}

at::Tensor to_stored(const at::Tensor& tensor, DType dtype) {
  return tensor.detach().to(at::kCPU, scalar_type(dtype)).contiguous();
}

std::span<const std::byte> tensor_bytes_of(const at::Tensor& tensor) {
  ROPEWALK_CHECK(tensor.is_cpu() && tensor.is_contiguous(), "stored tensors are plain CPU memory");
  return {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()};
}

at::Tensor view_stored(const ModelTensor& tensor) {
  const std::span<const std::byte> bytes = tensor.bytes();
  const auto options = at::TensorOptions().dtype(scalar_type(tensor.info->dtype));
  const size_t alignment = dtype_size(tensor.info->dtype);
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignment == 0) {
    // from_blob wants a mutable pointer; the map is read-only and the tensor is only read.
    return at::from_blob(const_cast<std::byte*>(bytes.data()), tensor.info->shape, options);
  }
  at::Tensor copy = at::empty(tensor.info->shape, options);
  std::memcpy(copy.mutable_data_ptr(), bytes.data(), bytes.size());
  return copy;
}

at::Tensor view_stored_bytes(const ModelTensor& tensor, int64_t rows) {
  const std::span<const std::byte> bytes = tensor.bytes();
  return at::from_blob(const_cast<std::byte*>(bytes.data()),
                       {rows, static_cast<int64_t>(bytes.size()) / rows},
                       at::TensorOptions().dtype(at::kByte));
}

void release_pages(const ModelTensor& tensor) {
  const std::span<const std::byte> bytes = tensor.bytes();
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data()) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size()) / page * page;
  // Advice only. The map is read-only and private: a page that is needed again is read again. The
  // last, partly used page stays for the next tensor.
  if (end > begin) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace ropewalk

// Between tensors and the bytes of safetensors files.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <span>
#include <string>

#include "ropewalk/formats/model_files.h"
#include "ropewalk/formats/safetensors.h"

namespace ropewalk {

// The types that weights, and the parts of quantised ones, are stored in.
at::ScalarType scalar_type(DType dtype);
// config.json's word: "float32".
std::string torch_dtype_name(DType dtype);

// On the CPU, contiguous, of that type; the tensor itself where nothing needs to change.
at::Tensor to_stored(const at::Tensor& tensor, DType dtype);
// Of a contiguous CPU tensor; lives as long as the tensor.
std::span<const std::byte> tensor_bytes_of(const at::Tensor& tensor);

// A tensor over the mapped bytes where they are aligned, else over a copy: read it before the file
// goes away.
at::Tensor view_stored(const ModelTensor& tensor);

// The mapped bytes themselves, [rows, bytes of a row]; may be misaligned for the type.
at::Tensor view_stored_bytes(const ModelTensor& tensor, int64_t rows);

// Gives the mapped pages back, until they are read again: loading must not cost the size of the
// files on top of the tensors.
void release_pages(const ModelTensor& tensor);

}  // namespace ropewalk

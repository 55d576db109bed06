// Between tensors and the bytes of safetensors files.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <span>
#include <string>

#include "ropewalk/formats/model_files.h"
#include "ropewalk/formats/safetensors.h"

namespace ropewalk {

// The types that is_weight_dtype names.
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

// Copies stored values into `target`, converting the type, and gives the mapped pages back: loading
// must not cost the size of the files on top of the tensors.
void copy_stored(const ModelTensor& source, const at::Tensor& target);

}  // namespace ropewalk

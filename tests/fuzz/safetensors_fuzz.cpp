#include <cstring>

#include "fuzz/target.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/formats/safetensors.h"

namespace ropewalk::fuzz {

void fuzz_safetensors(std::string_view input) {
  const SafetensorsFile file(put_file("model.safetensors", input));
  uint64_t total = 0;
  for (const TensorInfo& info : file.tensors()) {
    ROPEWALK_CHECK(tensor_bytes(info.dtype, info.shape) == info.num_bytes(), describe(info));
    ROPEWALK_CHECK(file.find(info.name) == &info, "found under its name");
    read_all(file.bytes(info));
    total += info.num_bytes();
  }
  // A read beyond the file's end, but within its last page, no sanitizer sees.
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, input.data(), sizeof header_bytes);
  ROPEWALK_CHECK(sizeof header_bytes + header_bytes + total == input.size(),
                 "tensors that do not end with their file");
}

}  // namespace ropewalk::fuzz

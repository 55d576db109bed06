// Copies of what this rank has to write, in host memory, so that training may go on while they are
// written.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "checkpoint/save_work.h"

namespace ropewalk {

class HostCopies {
 public:
  // Puts copies in place of the live tensors in `work.plan.files`: of this rank's shards, and of
  // whole tensors in the files that it owns. They stay as they are until the next call, which
  // writes over them. `work.writers.group` gathers the shards.
  void take(SaveWork& work);

 private:
  at::Tensor copy_of(const at::Tensor& values);

  std::vector<at::Tensor> buffers_;  // kept from save to save, in the order of the files
  // Of the current save, by address and number of elements: two outputs may come from one tensor.
  std::map<std::pair<const void*, int64_t>, at::Tensor> made_;
};

}  // namespace ropewalk

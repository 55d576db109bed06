// A part of a test on a number of LibTorch's threads.
#pragma once

#include <ATen/Parallel.h>

namespace ropewalk {

// body() on that many threads; what comes after has as many as before.
template <typename Body>
auto with_threads(int threads, Body body) {
  struct Restore {
    int before = at::get_num_threads();
    ~Restore() { at::set_num_threads(before); }
  } restore;
  at::set_num_threads(threads);
  return body();
}

}  // namespace ropewalk

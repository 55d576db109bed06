// Gloo's backend; private to dist.
#pragma once

#include <chrono>
#include <string>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace ropewalk::dist {

struct GlooRequest {
  c10::intrusive_ptr<c10d::Store> store;
  int rank = 0;
  int size = 1;
  std::string bind_address;
  std::chrono::milliseconds timeout{0};
};

c10::intrusive_ptr<c10d::Backend> make_gloo_backend(const GlooRequest& request);

}  // namespace ropewalk::dist

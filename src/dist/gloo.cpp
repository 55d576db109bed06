// The only file that includes ProcessGroupGloo.hpp. The torch wheel lacks the <gloo/...> headers,
// so Debian's (libgloo-dev, older than the Gloo inside libtorch_cpu.so) stand in for them: gloo's
// types must stay opaque here. Never construct or derive from GlooStore, whose virtual table
// differs.
#include "dist/gloo.h"

#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

namespace ropewalk::dist {

c10::intrusive_ptr<c10d::Backend> make_gloo_backend(const GlooRequest& request) {
  auto options = c10d::ProcessGroupGloo::Options::create(request.timeout);
  options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(request.bind_address));
  // One thread runs a collective while another one's result is waited for: enough for the overlap
  // of gradient buckets with the backward pass.
  options->threads = 2;
  return c10::make_intrusive<c10d::ProcessGroupGloo>(
      request.store, request.rank, request.size, options);
}

}  // namespace ropewalk::dist

#include <algorithm>
#include <chrono>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include "dist/cuda_module.h"
#include "dist/gloo.h"
#include "dist/store.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/dist/group.h"

namespace ropewalk::dist {
namespace {

std::chrono::milliseconds to_milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1e3));
}

// Ranks that never arrive show sooner than ranks that hang in a long step.
constexpr double kLongestRendezvous_s = 600.0;

bool wants_nccl(const GroupOptions& options) {
  const bool on_cuda = options.device.is_cuda();
  if (options.backend == GroupBackend::kNccl && !on_cuda) {
    throw ConfigError("parallel.backend nccl: found device " + options.device.str() +
                      ", expected a GPU; use gloo on the CPU");
  }
  if (options.backend == GroupBackend::kGloo && on_cuda) {
    throw ConfigError("parallel.backend gloo: found device " + options.device.str() +
                      ", expected the CPU; use nccl on GPUs");
  }
  return on_cuda;
}

std::string bind_address(const RankEnvironment& environment, const GroupOptions& options) {
  if (!options.bind_address.empty()) return options.bind_address;
  if (!environment.bind_address.empty()) return environment.bind_address;
  if (!environment.several_machines()) return "127.0.0.1";
  return address_towards(environment.master_address, environment.master_port);
}

}  // namespace

std::shared_ptr<Group> make_group(const RankEnvironment& environment, const GroupOptions& options) {
  const bool nccl = wants_nccl(options);
  if (environment.single()) return std::make_shared<Group>(options.device);
  if (environment.several_machines() && environment.rank == 0) {
    log_warn(
        "several machines take part: what the ranks exchange is neither encrypted nor "
        "authenticated; use a private network");
  }
  const auto timeout = to_milliseconds(options.timeout_s);
  const auto store =
      join_store(environment, std::min(timeout, to_milliseconds(kLongestRendezvous_s)));
  const std::string address = bind_address(environment, options);
  const auto connect = [=, device = options.device](const std::string& name, int rank, int size) {
    c10::intrusive_ptr<c10d::Store> own_store = store;
    if (!name.empty()) own_store = c10::make_intrusive<c10d::PrefixStore>(name, store);
    auto made = c10::make_intrusive<c10d::ProcessGroup>(own_store, rank, size);
    // Gloo also serves NCCL's ranks: flags and texts live on the CPU and need no device sync.
    const auto gloo = make_gloo_backend({own_store, rank, size, address, timeout});
    made->setBackend(at::kCPU, c10d::ProcessGroup::BackendType::GLOO, gloo);
    made->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
    if (nccl) {
      const auto backend = make_nccl_backend({own_store, rank, size, device.index(), timeout});
      made->setBackend(at::kCUDA, c10d::ProcessGroup::BackendType::NCCL, backend);
      made->setDefaultBackend(c10d::ProcessGroup::BackendType::NCCL);
    }
    return made;
  };
  try {
    return std::make_shared<Group>(connect("", environment.rank, environment.world_size),
                                   nccl ? "nccl" : "gloo",
                                   options.device,
                                   connect);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw DistError("rank " + std::to_string(environment.rank) + " of " +
                    std::to_string(environment.world_size) +
                    ": connecting to the other ranks: " + first_line(error.what()) +
                    "; another rank ended early (see its message) or " + "cannot be reached");
  }
}

}  // namespace ropewalk::dist

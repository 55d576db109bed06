// The ranks of a run as one object. One rank runs the same code: every call is then a no-op without
// sockets. All calls are collective: every rank makes the same ones in the same order, from one
// thread. Failures are DistErrors that name this rank, the call and what to do; after one, no
// further collective may be tried.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <vector>

#include "ropewalk/launch/rank_environment.h"

namespace ropewalk::dist {

enum class GroupBackend {
  kAuto,  // NCCL for CUDA devices, Gloo for the CPU
  kGloo,
  kNccl,
};

struct GroupOptions {
  GroupBackend backend = GroupBackend::kAuto;
  at::Device device = at::kCPU;
  // How long a rank waits for the others before it gives up.
  double timeout_s = 600.0;
  // Address that Gloo's sockets bind to. Empty: 127.0.0.1 when all ranks are on one machine,
  // otherwise the address of the interface that leads to the master.
  std::string bind_address;
};

class Group {
 public:
  // One rank.
  explicit Group(at::Device device = at::kCPU);
  Group(c10::intrusive_ptr<c10d::ProcessGroup> c10d, std::string backend, at::Device device);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  const std::string& backend() const { return backend_; }  // "single", "gloo", "nccl"
  at::Device device() const { return device_; }
  // Null with one rank. For c10d::Reducer; other layers use the calls below.
  const c10::intrusive_ptr<c10d::ProcessGroup>& c10d() const { return c10d_; }

  // In place; dense, contiguous tensors on the CPU or on the group's device.
  void all_reduce_sum(at::Tensor& tensor);
  void all_reduce_max(at::Tensor& tensor);
  void broadcast(at::Tensor& tensor, int root = 0);
  void barrier();

  // True on every rank if `flag` is true on any: how ranks agree to stop or save.
  bool any_rank(bool flag);
  double sum(double value);
  // Every rank's text, by rank. Meant for messages, not for data.
  std::vector<std::string> all_gather_text(const std::string& text);
  // Rank 0's text on every rank.
  std::string broadcast_text(const std::string& text);

 private:
  template <typename Start>
  void run(const char* what, Start start);
  void all_reduce(const char* what, at::Tensor& tensor, c10d::ReduceOp::RedOpType operation);

  c10::intrusive_ptr<c10d::ProcessGroup> c10d_;
  std::string backend_;
  at::Device device_;
  int rank_ = 0;
  int size_ = 1;
};

// The one place where process groups are made. Collective. Throws ConfigError for a backend that
// this machine or build does not have, DistError when the ranks do not find each other in time.
std::shared_ptr<Group> make_group(const RankEnvironment& environment, const GroupOptions& options);

}  // namespace ropewalk::dist

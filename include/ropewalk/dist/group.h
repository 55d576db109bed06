// The ranks of a run as one object. One rank runs the same code: every call is then a no-op without
// sockets. All calls are collective: every rank makes the same ones in the same order, from one
// thread. Failures are DistErrors that name this rank, the call and what to do; after one, no
// further collective may be tried.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
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
  // Address that Gloo's sockets bind to. Empty: as RankEnvironment::bind_address says.
  std::string bind_address;
};

// Makes the connections of a part of a group: `name` sets it apart from others in the rendezvous
// store; rank and size are those within the part.
using Connect = std::function<c10::intrusive_ptr<c10d::ProcessGroup>(
    const std::string& name, int rank, int size)>;

class Group;

// A collective that was started. Its tensors must not be touched before wait(), after which they
// are ready (on CUDA: for what the current stream computes next).
class Pending {
 public:
  Pending() = default;  // of nothing: is done
  // Throws what the call that started it says. A second call is a no-op.
  void wait();

 private:
  friend class Group;
  Group* group_ = nullptr;
  const char* what_ = "";
  std::vector<c10::intrusive_ptr<c10d::Work>> works_;
  std::vector<at::Tensor> tensors_;  // kept alive
};

class Group {
 public:
  // One rank.
  explicit Group(at::Device device = at::kCPU);
  Group(c10::intrusive_ptr<c10d::ProcessGroup> c10d,
        std::string backend,
        at::Device device,
        Connect connect = {});
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  const std::string& backend() const { return backend_; }  // "single", "gloo", "nccl"
  at::Device device() const { return device_; }
  // Null with one rank. For c10d::Reducer; other layers use the calls below.
  const c10::intrusive_ptr<c10d::ProcessGroup>& c10d() const { return c10d_; }

  // A group of some of these ranks, ascending, this one among them, over connections of its own.
  // Every rank calls it, each with the part that it belongs to. Collective.
  std::shared_ptr<Group> subgroup(const std::vector<int>& ranks);

  // The same ranks for another thread: connections of its own, tensors on the CPU, its own count of
  // sent bytes. Collective.
  std::shared_ptr<Group> host_twin();

  // In place; dense, contiguous tensors on the CPU or on the group's device.
  void all_reduce_sum(at::Tensor& tensor);
  void all_reduce_max(at::Tensor& tensor);
  void broadcast(at::Tensor& tensor, int root = 0);
  void barrier();

  // Flat tensors of one type; whole has size() times the elements of part. They overlap with what
  // the caller does until it waits.
  // whole = every rank's part, by rank. `part` may be this rank's place in `whole`.
  Pending start_all_gather(at::Tensor whole, at::Tensor part);
  // part = this rank's piece of the sum over the ranks of `whole`.
  Pending start_reduce_scatter_sum(at::Tensor part, at::Tensor whole);
  Pending start_all_reduce_sum(at::Tensor tensor);
  // Sends `out` to the next rank and fills `in` with what the previous one sends; the last rank's
  // next is the first. Two may be under way at a time, on lanes of their own and begun in the same
  // order on every rank.
  Pending start_shift(at::Tensor out, at::Tensor in, int lane = 0);
  // [size, ...] -> the same shape: row s of the result is row rank() of rank s's tensor.
  at::Tensor all_to_all(const at::Tensor& rows);

  // Bytes that this rank has sent through the collectives above, of this group, the one that it was
  // made of and all others made of that one, as the usual ring algorithms send them: (n - 1) / n of
  // the whole for all_gather, reduce_scatter and all_to_all, twice that for all_reduce. A shift
  // counts the tensor once, and so does a broadcast at its root.
  int64_t sent_bytes() const { return *sent_bytes_; }

  // True on every rank if `flag` is true on any: how ranks agree to stop or save.
  bool any_rank(bool flag);
  double sum(double value);
  // Every rank's text, by rank. Meant for messages, not for data.
  std::vector<std::string> all_gather_text(const std::string& text);
  // Rank 0's text on every rank.
  std::string broadcast_text(const std::string& text);

 private:
  friend class Pending;
  template <typename Start>
  Pending start(const char* what, std::vector<at::Tensor> tensors, Start start);
  c10::intrusive_ptr<c10d::ProcessGroup> connect(const std::string& name, int rank, int size);
  [[noreturn]] void fail(const char* what, const std::exception& error);
  // Passes of a ring over all ranks.
  void count_sent(const at::Tensor& whole, int passes);
  Pending start_all_reduce(const char* what,
                           at::Tensor tensor,
                           c10d::ReduceOp::RedOpType operation);
  void all_reduce(const char* what, at::Tensor& tensor, c10d::ReduceOp::RedOpType operation);

  c10::intrusive_ptr<c10d::ProcessGroup> c10d_;
  std::string backend_;
  at::Device device_;
  Connect connect_;
  int rank_ = 0;
  int size_ = 1;
  int num_subgroups_ = 0;
  int run_rank_ = 0;  // among all ranks of the run, for messages
  int run_size_ = 1;
  std::shared_ptr<int64_t> sent_bytes_ = std::make_shared<int64_t>(0);
};

// The one place where process groups are made. Collective. Throws ConfigError for a backend that
// this machine or build does not have, DistError when the ranks do not find each other in time.
std::shared_ptr<Group> make_group(const RankEnvironment& environment, const GroupOptions& options);

}  // namespace ropewalk::dist

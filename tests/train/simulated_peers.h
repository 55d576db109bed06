// The peers of one rank, simulated: collectives end at once and move nothing, so that sizes and
// bytes are real and values are not. (c10d's FakeProcessGroup does the same; its header needs
// Python's.)
#pragma once

#include <memory>
#include <string>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <utility>
#include <vector>

#include "ropewalk/dist/group.h"

namespace ropewalk::simulated {

class DoneWork final : public c10d::Work {
 public:
  bool wait(std::chrono::milliseconds) override { return true; }
  c10::intrusive_ptr<c10::ivalue::Future> getFuture() override { return future; }
  c10::intrusive_ptr<c10::ivalue::Future> future;  // of an all-reduce, for c10d's reducer
};

// Of what dist::Group does not see.
struct Ledger {
  int64_t all_reduced_bytes = 0;
};

class Backend final : public c10d::Backend {
 public:
  using Done = c10::intrusive_ptr<c10d::Work>;
  using Tensors = std::vector<at::Tensor>;
  Backend(int rank, int size, std::shared_ptr<Ledger> ledger)
      : c10d::Backend(rank, size), ledger_(std::move(ledger)) {}

  const std::string getBackendName() const override { return "simulated"; }
  Done broadcast(Tensors&, const c10d::BroadcastOptions&) override { return done(); }
  Done allreduce(Tensors& tensors, const c10d::AllreduceOptions&) override {
    for (const at::Tensor& tensor : tensors) {
      ledger_->all_reduced_bytes += static_cast<int64_t>(tensor.nbytes());
    }
    auto work = c10::make_intrusive<DoneWork>();
    work->future =
        c10::make_intrusive<c10::ivalue::Future>(c10::ListType::create(c10::TensorType::get()));
    work->future->markCompleted(c10::IValue(tensors));
    return work;
  }
  Done _allgather_base(at::Tensor& whole, at::Tensor&, const c10d::AllgatherOptions&) override {
    whole.zero_();
    return done();
  }
  Done _reduce_scatter_base(at::Tensor& part,
                            at::Tensor&,
                            const c10d::ReduceScatterOptions&) override {
    part.zero_();
    return done();
  }
  Done alltoall_base(at::Tensor& received,
                     at::Tensor&,
                     std::vector<int64_t>&,
                     std::vector<int64_t>&,
                     const c10d::AllToAllOptions&) override {
    received.zero_();
    return done();
  }
  Done send(Tensors&, int, int) override { return done(); }
  Done recv(Tensors& tensors, int, int) override {
    for (at::Tensor& tensor : tensors) tensor.zero_();
    return done();
  }

 private:
  static Done done() { return c10::make_intrusive<DoneWork>(); }

  std::shared_ptr<Ledger> ledger_;
};

inline c10::intrusive_ptr<c10d::ProcessGroup> process_group(int rank,
                                                            int size,
                                                            const std::shared_ptr<Ledger>& ledger) {
  auto group = c10::make_intrusive<c10d::ProcessGroup>(rank, size);
  group->setBackend(at::kCPU,
                    c10d::ProcessGroup::BackendType::CUSTOM,
                    c10::make_intrusive<Backend>(rank, size, ledger));
  group->setDefaultBackend(c10d::ProcessGroup::BackendType::CUSTOM);
  return group;
}

inline std::shared_ptr<dist::Group> group(int rank,
                                          int size,
                                          const std::shared_ptr<Ledger>& ledger) {
  const auto connect = [ledger](const std::string&, int own_rank, int own_size) {
    return process_group(own_rank, own_size, ledger);
  };
  return std::make_shared<dist::Group>(
      process_group(rank, size, ledger), "simulated", at::kCPU, connect);
}

}  // namespace ropewalk::simulated

#include "ropewalk/dist/group.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dist/start_collective.h"
#include "dist/store.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/progress.h"

namespace ropewalk::dist {

Group::Group(at::Device device) : backend_("single"), device_(device) {}

Group::Group(c10::intrusive_ptr<c10d::ProcessGroup> c10d,
             std::string backend,
             at::Device device,
             Connect connect)
    : c10d_(std::move(c10d)),
      backend_(std::move(backend)),
      device_(device),
      connect_(std::move(connect)),
      rank_(c10d_->getRank()),
      size_(c10d_->getSize()),
      run_rank_(rank_),
      run_size_(size_) {}

Group::~Group() = default;

void Pending::wait() {
  const auto works = std::exchange(works_, {});
  if (works.empty()) return;
  const WaitingForRanks waiting;
  try {
    for (const auto& work : works) work->wait();
  } catch (const std::exception& error) {
    group_->fail(what_, error);
  }
  tensors_.clear();
}

void Group::fail(const char* what, const std::exception& error) {
  // A failed NCCL communicator would leave the peers hanging until their timeout.
  if (backend_ == "nccl") c10d_->abort();
  throw DistError("rank " + std::to_string(run_rank_) + " of " + std::to_string(run_size_) + ": " +
                  what + " failed: " + first_line(error.what()) +
                  "; another rank ended (see its own message) or did not get here within " +
                  "parallel.timeout_s");
}

void Group::count_sent(const at::Tensor& whole, int passes) {
  *sent_bytes_ += static_cast<int64_t>(whole.nbytes()) * (size_ - 1) / size_ * passes;
}

std::shared_ptr<Group> Group::subgroup(const std::vector<int>& ranks) {
  const auto own = std::find(ranks.begin(), ranks.end(), rank_);
  ROPEWALK_CHECK(own != ranks.end(), "a rank asks for a group that it does not belong to");
  // Counted on every rank alike, so that the name is new and the same on all members.
  const int number = num_subgroups_++;
  if (ranks.size() == 1) return std::make_shared<Group>(device_);
  const std::string name = "part" + std::to_string(number) + "/" + std::to_string(ranks.front());
  // Parts of the part have names of their own below this one's.
  const Connect below = [connect = connect_, name](const std::string& part, int rank, int size) {
    return connect(name + "/" + part, rank, size);
  };
  const auto made = std::make_shared<Group>(
      connect(name, static_cast<int>(own - ranks.begin()), static_cast<int>(ranks.size())),
      backend_,
      device_,
      below);
  made->run_rank_ = run_rank_;
  made->run_size_ = run_size_;
  made->sent_bytes_ = sent_bytes_;
  return made;
}

std::shared_ptr<Group> Group::host_twin() {
  const int number = num_subgroups_++;
  if (size_ == 1) return std::make_shared<Group>();
  const auto made = std::make_shared<Group>(
      connect("twin" + std::to_string(number), rank_, size_), "gloo", at::kCPU);
  made->run_rank_ = run_rank_;
  made->run_size_ = run_size_;
  return made;
}

c10::intrusive_ptr<c10d::ProcessGroup> Group::connect(const std::string& name, int rank, int size) {
  ROPEWALK_CHECK(connect_ != nullptr, "a group that was made without a way to connect its parts");
  try {
    return connect_(name, rank, size);
  } catch (const std::exception& error) {
    fail("connecting to some of the ranks", error);
  }
}

Pending Group::start_all_reduce(const char* what,
                                at::Tensor tensor,
                                c10d::ReduceOp::RedOpType operation) {
  c10d::AllreduceOptions options;
  options.reduceOp = operation;
  count_sent(tensor, 2);
  return start(what, {std::move(tensor)}, [&](auto& tensors) {
    return Works{c10d_->allreduce(tensors, options)};
  });
}

void Group::all_reduce(const char* what, at::Tensor& tensor, c10d::ReduceOp::RedOpType operation) {
  start_all_reduce(what, tensor, operation).wait();
}

void Group::all_reduce_sum(at::Tensor& tensor) {
  all_reduce("all_reduce_sum", tensor, c10d::ReduceOp::SUM);
}

void Group::all_reduce_max(at::Tensor& tensor) {
  all_reduce("all_reduce_max", tensor, c10d::ReduceOp::MAX);
}

void Group::broadcast(at::Tensor& tensor, int root) {
  ROPEWALK_CHECK(root >= 0 && root < size_, "broadcast from a rank that does not exist");
  c10d::BroadcastOptions options;
  options.rootRank = root;
  if (root == rank_ && size_ > 1) *sent_bytes_ += static_cast<int64_t>(tensor.nbytes());
  start("broadcast", {tensor}, [&](auto& tensors) {
    return Works{c10d_->broadcast(tensors, options)};
  }).wait();
}

Pending Group::start_all_gather(at::Tensor whole, at::Tensor part) {
  ROPEWALK_CHECK(whole.numel() == part.numel() * size_, "all_gather: sizes that do not fit");
  if (c10d_ == nullptr && whole.data_ptr() != part.data_ptr()) whole.copy_(part);
  count_sent(whole, 1);
  return start("all_gather", {std::move(whole), std::move(part)}, [&](auto& tensors) {
    return Works{c10d_->_allgather_base(tensors[0], tensors[1], {})};
  });
}

Pending Group::start_reduce_scatter_sum(at::Tensor part, at::Tensor whole) {
  ROPEWALK_CHECK(whole.numel() == part.numel() * size_, "reduce_scatter: sizes that do not fit");
  if (c10d_ == nullptr) part.copy_(whole);
  count_sent(whole, 1);
  return start("reduce_scatter", {std::move(part), std::move(whole)}, [&](auto& tensors) {
    return Works{c10d_->_reduce_scatter_base(tensors[0], tensors[1], {})};
  });
}

Pending Group::start_all_reduce_sum(at::Tensor tensor) {
  return start_all_reduce("all_reduce_sum", std::move(tensor), c10d::ReduceOp::SUM);
}

void Group::barrier() {
  // An all-reduce on the CPU waits for every rank, whatever the backend, and touches no device.
  at::Tensor token = at::zeros({1}, at::kInt);
  all_reduce("barrier", token, c10d::ReduceOp::SUM);
}

bool Group::any_rank(bool flag) {
  at::Tensor value = at::full({1}, flag ? 1 : 0, at::kInt);
  all_reduce("any_rank", value, c10d::ReduceOp::MAX);
  return value.item<int>() != 0;
}

double Group::sum(double value) {
  at::Tensor total = at::full({1}, value, at::kDouble);
  all_reduce("sum", total, c10d::ReduceOp::SUM);
  return total.item<double>();
}

std::vector<std::string> Group::all_gather_text(const std::string& text) {
  if (c10d_ == nullptr) return {text};
  at::Tensor lengths = at::zeros({size_}, at::kLong);
  lengths[rank_] = static_cast<int64_t>(text.size());
  all_reduce("all_gather_text", lengths, c10d::ReduceOp::SUM);
  // Rows of other ranks are zero, so the sum of bytes gathers them.
  at::Tensor bytes =
      at::zeros({size_, std::max<int64_t>(1, lengths.max().item<int64_t>())}, at::kByte);
  std::memcpy(bytes[rank_].data_ptr<uint8_t>(), text.data(), text.size());
  all_reduce("all_gather_text", bytes, c10d::ReduceOp::SUM);
  std::vector<std::string> texts;
  for (int i = 0; i < size_; ++i) {
    const auto* row = reinterpret_cast<const char*>(bytes[i].data_ptr<uint8_t>());
    texts.emplace_back(row, static_cast<size_t>(lengths[i].item<int64_t>()));
  }
  return texts;
}

std::string Group::broadcast_text(const std::string& text) {
  if (c10d_ == nullptr) return text;
  at::Tensor length = at::full({1}, static_cast<int64_t>(text.size()), at::kLong);
  broadcast(length);
  at::Tensor bytes = at::zeros({std::max<int64_t>(1, length.item<int64_t>())}, at::kByte);
  if (rank_ == 0) std::memcpy(bytes.data_ptr<uint8_t>(), text.data(), text.size());
  broadcast(bytes);
  return {reinterpret_cast<const char*>(bytes.data_ptr<uint8_t>()),
          static_cast<size_t>(length.item<int64_t>())};
}

}  // namespace ropewalk::dist

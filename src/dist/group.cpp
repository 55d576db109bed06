#include "ropewalk/dist/group.h"

#include <algorithm>
#include <cstring>

#include "dist/store.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::dist {

Group::Group(at::Device device) : backend_("single"), device_(device) {}

Group::Group(c10::intrusive_ptr<c10d::ProcessGroup> c10d, std::string backend, at::Device device)
    : c10d_(std::move(c10d)),
      backend_(std::move(backend)),
      device_(device),
      rank_(c10d_->getRank()),
      size_(c10d_->getSize()) {}

Group::~Group() = default;

template <typename Start>
void Group::run(const char* what, Start start) {
  if (c10d_ == nullptr) return;
  try {
    start()->wait();
  } catch (const std::exception& error) {
    // A failed NCCL communicator would leave the peers hanging until their timeout.
    if (backend_ == "nccl") c10d_->abort();
    throw DistError("rank " + std::to_string(rank_) + " of " + std::to_string(size_) + ": " + what +
                    " failed: " + first_line(error.what()) +
                    "; another rank ended (see its own message) or did not get here within " +
                    "parallel.timeout_s");
  }
}

void Group::all_reduce(const char* what, at::Tensor& tensor, c10d::ReduceOp::RedOpType operation) {
  ROPEWALK_CHECK(tensor.is_contiguous(), "a collective on a strided tensor");
  std::vector<at::Tensor> tensors = {tensor};
  c10d::AllreduceOptions options;
  options.reduceOp = operation;
  run(what, [&] { return c10d_->allreduce(tensors, options); });
}

void Group::all_reduce_sum(at::Tensor& tensor) {
  all_reduce("all_reduce_sum", tensor, c10d::ReduceOp::SUM);
}

void Group::all_reduce_max(at::Tensor& tensor) {
  all_reduce("all_reduce_max", tensor, c10d::ReduceOp::MAX);
}

void Group::broadcast(at::Tensor& tensor, int root) {
  ROPEWALK_CHECK(tensor.is_contiguous(), "a collective on a strided tensor");
  ROPEWALK_CHECK(root >= 0 && root < size_, "broadcast from a rank that does not exist");
  std::vector<at::Tensor> tensors = {tensor};
  c10d::BroadcastOptions options;
  options.rootRank = root;
  run("broadcast", [&] { return c10d_->broadcast(tensors, options); });
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

// Between single ranks, and from each to each.
#include "dist/start_collective.h"

namespace ropewalk::dist {

Pending Group::start_shift(at::Tensor out, at::Tensor in, int lane) {
  ROPEWALK_CHECK(out.nbytes() == in.nbytes(), "a shift takes tensors of one size");
  if (c10d_ == nullptr) {
    in.copy_(out);
  } else {
    *sent_bytes_ += static_cast<int64_t>(out.nbytes());
  }
  return start("shift", {std::move(out), std::move(in)}, [&](const auto& tensors) {
    std::vector<at::Tensor> sent = {tensors[0]}, received = {tensors[1]};
    const int next = (rank_ + 1) % size_, previous = (rank_ + size_ - 1) % size_;
    // NCCL starts both together: one alone would wait for its peer's other.
    const bool together = backend_ == "nccl";
    if (together) c10d_->startCoalescing(device_.type());
    Works works = {c10d_->send(sent, next, lane), c10d_->recv(received, previous, lane)};
    if (together) works = {c10d_->endCoalescing(device_.type())};
    return works;
  });
}

at::Tensor Group::all_to_all(const at::Tensor& rows) {
  ROPEWALK_CHECK(rows.dim() > 0 && rows.size(0) == size_, "all_to_all takes a row for each rank");
  if (c10d_ == nullptr) return rows;
  // As bytes, which every backend can send.
  const at::Tensor sent = rows.contiguous().view(-1).view(at::kByte);
  const at::Tensor received = at::empty_like(sent);
  count_sent(sent, 1);
  start("all_to_all", {received, sent}, [&](auto& tensors) {
    std::vector<int64_t> equal;
    return Works{c10d_->alltoall_base(tensors[0], tensors[1], equal, equal)};
  }).wait();
  return received.view(rows.scalar_type()).view(rows.sizes());
}

}  // namespace ropewalk::dist

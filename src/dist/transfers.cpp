// Between single ranks, and from each to each.
#include "ropewalk/base/errors.h"
#include "ropewalk/dist/group.h"

namespace ropewalk::dist {

Pending Group::start_shift(at::Tensor out, at::Tensor in, int lane) {
  ROPEWALK_CHECK(out.is_contiguous() && in.is_contiguous() && out.nbytes() == in.nbytes(),
                 "a shift takes contiguous tensors of one size");
  Pending pending;
  if (c10d_ == nullptr) {
    in.copy_(out);
    return pending;
  }
  sent_bytes_ += static_cast<int64_t>(out.nbytes());
  std::vector<at::Tensor> sent = {std::move(out)}, received = {std::move(in)};
  pending.group_ = this;
  pending.what_ = "shift";
  pending.tensors_ = {sent[0], received[0]};
  const int next = (rank_ + 1) % size_, previous = (rank_ + size_ - 1) % size_;
  // NCCL starts both together: one alone would wait for its peer's other.
  const bool together = backend_ == "nccl";
  try {
    if (together) c10d_->startCoalescing(device_.type());
    pending.works_ = {c10d_->send(sent, next, lane), c10d_->recv(received, previous, lane)};
    if (together) pending.works_ = {c10d_->endCoalescing(device_.type())};
  } catch (const std::exception& error) {
    fail("shift", error);
  }
  return pending;
}

at::Tensor Group::all_to_all(const at::Tensor& rows) {
  ROPEWALK_CHECK(rows.dim() > 0 && rows.size(0) == size_, "all_to_all takes a row for each rank");
  if (c10d_ == nullptr) return rows;
  // As bytes, which every backend can send.
  at::Tensor sent = rows.contiguous().view(-1).view(at::kByte);
  at::Tensor received = at::empty_like(sent);
  count_sent(sent, 1);
  std::vector<int64_t> equal;
  try {
    c10d_->alltoall_base(received, sent, equal, equal)->wait();
  } catch (const std::exception& error) {
    fail("all_to_all", error);
  }
  return received.view(rows.scalar_type()).view(rows.sizes());
}

}  // namespace ropewalk::dist
